#pragma once

#include <lapidary/analysis/chart_library.hpp>
#include <lapidary/analysis/page/frame.hpp>
#include <lapidary/analysis/page/script.hpp>
#include <lapidary/analysis/page/style.hpp>
#include <lapidary/analysis/script_json.hpp>

#include <string>

namespace lapidary {

/// The page of a run: one HTML file that holds its style, the library that draws, its script and the data of
/// `run_report`, and asks no network for anything, which its content security policy forbids. Texts of the data
/// reach it as JSON and are put in as text, never as markup. A function of its arguments alone.
inline std::string report_page(const Json& report, const ChartLibrary& charts) {
    Json data = report;
    data["charts"] = {{"name", "Chart.js"}, {"version", charts.version}, {"licence", "MIT"}};
    std::string page;
    page += page::head;
    page += "<style>\n";
    page += page::style();
    page += "</style>\n";
    page += page::body;
    page += "<script type=\"application/json\" id=\"report-data\">" + script_json(data) + "</script>\n";
    page += "<script>" + charts.script + "</script>\n<script>\n";
    page += page::script();
    page += "</script>\n</body>\n</html>\n";
    return page;
}

}  // namespace lapidary
