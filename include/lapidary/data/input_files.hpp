#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/recipe.hpp>
#include <lapidary/data/text_blocks.hpp>
#include <lapidary/io/quote.hpp>
#include <lapidary/io/sha256.hpp>

#include <glob.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace lapidary {

/// The files of a recipe's sources.
struct InputFiles {
    std::vector<InputFile> files;  ///< source by source
    Index bytes = 0;
    std::vector<std::string> repeated;  ///< left out: a second time the same file, or the same bytes
};

namespace detail {

/// What a pattern names, sorted by bytes (glob sorts by the locale). A name may hold the letters of a pattern.
inline std::vector<std::filesystem::path> matches_of(const std::filesystem::path& pattern) {
    std::error_code failure;
    if (std::filesystem::exists(pattern, failure)) return {pattern};
    glob_t found{};
    std::vector<std::filesystem::path> matches;
    if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) {
        matches.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    }
    ::globfree(&found);
    if (matches.empty()) throw Error(ErrorCode::io, "input", pattern.string() + ": no such file");
    std::sort(matches.begin(), matches.end(),
              [](const auto& a, const auto& b) { return a.native() < b.native(); });
    return matches;
}

/// The regular files in a folder, at any depth, sorted by bytes; names that begin with a dot are passed over.
inline std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    for (auto entry = std::filesystem::recursive_directory_iterator(folder);
         entry != std::filesystem::recursive_directory_iterator(); ++entry) {
        const bool hidden = entry->path().filename().native().starts_with('.');
        if (hidden && entry->is_directory()) entry.disable_recursion_pending();
        if (!hidden && entry->is_regular_file() && !entry->is_symlink()) files.push_back(entry->path());
    }
    std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.native() < b.native(); });
    return files;
}

/// Finds files that are there twice: by name, or with the same bytes.
class RepeatedFiles {
public:
    /// The file that this one repeats; empty if it is new.
    std::filesystem::path first_of(const std::filesystem::path& file, bool compare_bytes) {
        std::error_code failure;
        const std::filesystem::path canonical = std::filesystem::canonical(file, failure);
        if (const auto [at, fresh] = by_name_.emplace(failure ? file : canonical, file); !fresh) return at->second;
        if (!compare_bytes || !std::filesystem::is_regular_file(file)) return {};
        auto& same_size = by_size_[std::filesystem::file_size(file)];
        for (auto& [other, hash] : same_size) {  // files of different sizes need no hash
            if (hash.empty()) hash = sha256_file(other);
        }
        const std::string hash = same_size.empty() ? std::string() : sha256_file(file);
        for (const auto& [other, other_hash] : same_size) {
            if (hash == other_hash) return other;
        }
        same_size.emplace_back(file, hash);
        return {};
    }

private:
    std::map<std::filesystem::path, std::filesystem::path> by_name_;
    std::map<std::uintmax_t, std::vector<std::pair<std::filesystem::path, std::string>>> by_size_;
};

}  // namespace detail

/// The files that a recipe's patterns name, relative to `root`: source by source, pattern by pattern, the matches
/// of one sorted by their bytes. Pipes are allowed, since a file is read once.
///
/// Throws Error(io) for a pattern that matches nothing or a directory where a file is meant. A file that is there
/// twice (but for files of a tree, only those of one name) is Error(format) naming both, or left out, as the
/// recipe says of bad documents.
inline InputFiles find_inputs(const Recipe& recipe, const std::filesystem::path& root = {}) {
    InputFiles result;
    detail::RepeatedFiles repeated;
    for (std::size_t s = 0; s < recipe.sources.size(); ++s) {
        const RecipeSource& source = recipe.sources[s];
        const bool tree = source.format == SourceFormat::tree;
        const auto add = [&](const std::filesystem::path& file) {
            std::error_code failure;
            if (std::filesystem::is_directory(file, failure)) {
                throw Error(ErrorCode::io, "input", file.string() + ": a directory, expected a file");
            }
            if (!std::filesystem::exists(file, failure)) {  // a link to nothing
                throw Error(ErrorCode::io, "input", file.string() + ": no such file");
            }
            if (const std::filesystem::path first = repeated.first_of(file, !tree); !first.empty()) {
                if (recipe.on_bad == BadDocuments::fail) {
                    throw Error(ErrorCode::format, "input",
                                file.string() +
                                    (first == file
                                         ? ": is named twice, the second time by the source " + quote(source.name)
                                         : ": has the same contents as " + first.string()));
                }
                result.repeated.push_back(file.string());
                return;
            }
            result.files.push_back({file, static_cast<std::int32_t>(s), source.format});
            const auto size = std::filesystem::file_size(file, failure);
            if (!failure) result.bytes += static_cast<Index>(size);
        };
        for (const std::string& pattern : source.files) {
            for (const std::filesystem::path& match : detail::matches_of(root / pattern)) {
                if (tree && std::filesystem::is_directory(match)) {
                    for (const std::filesystem::path& file : detail::files_in(match)) add(file);
                } else {
                    add(match);
                }
            }
        }
    }
    return result;
}

}  // namespace lapidary
