#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/documents.hpp>

#include <glob.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <vector>

namespace lapidary {

/// The files of a corpus, source by source.
struct InputFiles {
    std::vector<std::string> sources;  ///< names, in the order in which they first appear
    std::vector<InputFile> files;
    Index bytes = 0;
};

/// The source that a file belongs to: its name up to the ending, `wikipedia` for `wikipedia.jsonl.gz`.
inline std::string source_name(std::filesystem::path file) {
    if (file.extension() == ".gz" || file.extension() == ".zst") file.replace_extension();
    return file.stem().string();
}

/// The files that paths and shell patterns name, every file once: the patterns in the order given, the matches of
/// one sorted by their bytes, then grouped by source. Throws Error(io) for a pattern that matches nothing, and for
/// a match that is no regular file.
inline InputFiles find_inputs(const std::vector<std::string>& patterns) {
    InputFiles result;
    std::set<std::string> seen;
    for (const std::string& pattern : patterns) {
        std::vector<std::string> matches;
        std::error_code failure;
        if (std::filesystem::exists(pattern, failure)) {  // a name may hold the letters of a pattern
            matches.push_back(pattern);
        } else {
            glob_t found{};
            if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) {
                matches.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
            }
            ::globfree(&found);
        }
        if (matches.empty()) throw Error(ErrorCode::io, "input", pattern + ": no such file");
        std::sort(matches.begin(), matches.end());  // glob sorts by the locale
        for (const std::string& match : matches) {
            if (!seen.insert(match).second) continue;
            if (!std::filesystem::is_regular_file(match, failure)) {
                throw Error(ErrorCode::io, "input", match + ": not a regular file");
            }
            const std::string name = source_name(match);
            const auto found = std::find(result.sources.begin(), result.sources.end(), name);
            result.files.push_back({match, static_cast<std::int32_t>(found - result.sources.begin())});
            if (found == result.sources.end()) result.sources.push_back(name);
            result.bytes += static_cast<Index>(std::filesystem::file_size(match, failure));
        }
    }
    std::stable_sort(result.files.begin(), result.files.end(),
                     [](const InputFile& a, const InputFile& b) { return a.source < b.source; });
    return result;
}

}  // namespace lapidary
