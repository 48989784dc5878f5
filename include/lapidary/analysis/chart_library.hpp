#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/io/file.hpp>

#include <filesystem>
#include <string>
#include <system_error>

namespace lapidary {

/// The script that draws the report's charts: Chart.js, from the package that the system has it in.
struct ChartLibrary {
    std::string script;   ///< with the comment in which it names its authors and its licence
    std::string version;  ///< "3.9.1"
};

/// Reads `chart.min.js` (Chart.js 3) or `chart.umd.js` (4). Throws Error(io) naming the package if there is no
/// such file, Error(format) if it is something else, or if it could end the element of the page that it is put in.
inline ChartLibrary read_chart_library(const std::filesystem::path& file) {
    std::error_code failure;
    if (file.empty() || !std::filesystem::exists(file, failure)) {
        throw Error(ErrorCode::io, "report",
                    (file.empty() ? "Chart.js was not found" : file.string() + ": there is no such file") +
                        ". Charts are drawn by Chart.js, which Debian and Ubuntu have in libjs-chart.js; name its "
                        "chart.min.js, from there or elsewhere, with --charts FILE");
    }
    ChartLibrary library{read_text(file, std::size_t{1} << 24), ""};
    const std::string_view mark = "Chart.js v";
    const std::size_t found = std::string_view(library.script).substr(0, 400).find(mark);
    if (found != std::string::npos) {
        const std::size_t start = found + mark.size();
        library.version =
            library.script.substr(start, library.script.find_first_not_of("0123456789.", start) - start);
    }
    if (!library.version.starts_with("3.") && !library.version.starts_with("4.")) {
        throw Error(ErrorCode::format, "report",
                    file.string() + ": is not Chart.js 3 or 4, which say 'Chart.js v3...' in their first lines");
    }
    std::string small = library.script;  // HTML's names have no case
    for (char& c : small) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (small.find("</script") != std::string::npos || library.script.find("<!--") != std::string::npos) {
        throw Error(ErrorCode::format, "report", file.string() + ": holds text that would end the page's script");
    }
    return library;
}

}  // namespace lapidary
