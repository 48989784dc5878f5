#include "analysis/report_support.hpp"

#include <lapidary/analysis/report_page.hpp>

#include <algorithm>

using namespace lapidary;
using namespace lapidary::test;

namespace {

std::size_t count(const std::string& text, std::string_view what) {
    std::size_t found = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
    return found;
}

const std::string library = "/*!\n * Chart.js v3.9.1\n * Released under the MIT License\n */\nvar Chart = {};";

}  // namespace

TEST_CASE("JSON inside a script: no text ends the element, opens a comment or a line, and all of it comes back") {
    const Json hostile{{"</script><script>alert(1)</script>", "<!-- <script> --> ]]> & &lt;"},
                       {"lines",
                        "a\xE2\x80\xA8"
                        "b\xE2\x80\xA9"
                        "c\n\t\"\\"},
                       {"more", "\xE2\x80\xA7 ünï \xF0\x9F\x99\x82 \x01"}};
    const std::string text = script_json(hostile);
    for (const char* never : {"<", ">", "&", "\xE2\x80\xA8", "\xE2\x80\xA9", "\n"}) {
        CHECK(text.find(never) == std::string::npos);
    }
    CHECK(parse_json(text, "text") == hostile);
    CHECK(script_json("\xff\xfe") == "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
    CHECK(script_json(Json::array({1.5, nullptr, true})) == "[1.5,null,true]");
}

TEST_CASE("the library that draws is known by its first lines, and its licence stays in the page") {
    const TemporaryDirectory folder;
    const auto file = folder / "chart.min.js";
    put(file, library);
    const ChartLibrary charts = read_chart_library(file);
    CHECK(charts.version == "3.9.1");
    CHECK(charts.script == library);
    put(file, "/*!\n * Chart.js v4.4.0\n */\n");
    CHECK(read_chart_library(file).version == "4.4.0");
    check_throws(
        ErrorCode::io, [&] { (void)read_chart_library(folder / "none.js"); }, "none.js", "libjs-chart.js",
        "--charts");
    check_throws(
        ErrorCode::io, [&] { (void)read_chart_library(""); }, "libjs-chart.js");
    for (const char* other : {"", "/*! jQuery v3.7 */", "/*!\n * Chart.js v2.9.4\n */"}) {
        put(file, other);
        check_throws(
            ErrorCode::format, [&] { (void)read_chart_library(file); }, "chart.min.js", "Chart.js 3 or 4");
    }
    for (const char* end : {"x = '</script>'", "y = '<!--'"}) {
        put(file, library + end);
        check_throws(
            ErrorCode::format, [&] { (void)read_chart_library(file); }, "chart.min.js", "end the page's script");
    }
}

TEST_CASE("a page is one file that names nothing outside itself") {
    const ChartLibrary charts{library, "3.9.1"};
    const Json report{{"name", "</script><img alt=x onerror=alert(1)>"}};
    const std::string page = report_page(report, charts);
    CHECK(page.starts_with("<!doctype html>"));
    CHECK(count(page, "<script") == 3);  // data, library, page
    CHECK(count(page, "</script>") == 3);
    CHECK(count(page, "<img") == 0);
    CHECK(page.find("Released under the MIT License") != std::string::npos);
    CHECK(page.find("default-src 'none'") != std::string::npos);
    CHECK(count(page, " src=") == 0);
    CHECK(count(page, "<link ") == 1);  // the icon, which is in the page too
    CHECK(count(page, "url(") == 0);
    CHECK(count(page, "@import") == 0);
    CHECK(count(page, "https://") + count(page, "http://") == 1);  // the name of SVG's namespace, in the icon
    CHECK(page == report_page(report, charts));
    for (const char* section : {"training", "evaluation", "memorization", "data", "samples", "record"}) {
        CHECK(count(page, "<section id=\"" + std::string(section) + "\"") == 1);
        CHECK(count(page, "href=\"#" + std::string(section) + "\"") >= 1);
    }
}

TEST_CASE("the script never makes markup of a text") {
    const std::string script = page::script();
    for (const char* way :
         {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "fetch("}) {
        CHECK(script.find(way) == std::string::npos);
    }
    CHECK(script.size() < 65536);
    CHECK(script.find("</") == std::string::npos);
    CHECK(std::all_of(script.begin(), script.end(), [](char c) { return c != '\r'; }));
}
