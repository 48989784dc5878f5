#pragma once

#include <lapidary/checkpoint/latest.hpp>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lapidary {

/// A checkpoint of a run, or the lack of one.
struct ListedCheckpoint {
    std::filesystem::path directory;
    Index order = 0;        ///< its step, or without training state the number in its name
    std::string problem{};  ///< why there is nothing to read; empty: there is
};

/// Whether an error says that one checkpoint is damaged, which is not the end of the others.
inline bool spoils_one_checkpoint(ErrorCode code) {
    return code == ErrorCode::io || code == ErrorCode::format || code == ErrorCode::integrity ||
           code == ErrorCode::not_finite || code == ErrorCode::unsupported;
}

namespace detail {

/// The number at the end of a name ("ckpt_012"), and how many digits it has; -1: none.
inline std::pair<Index, std::size_t> number_in(std::string_view name) {
    const std::size_t start = name.find_last_not_of("0123456789") + 1;  // npos + 1 is 0
    const std::size_t digits = name.size() - start;
    if (digits == 0 || digits > 15) return {-1, 0};
    return {std::stoll(std::string(name.substr(start))), digits};
}

inline ListedCheckpoint list_checkpoint(const std::filesystem::path& directory) {
    const std::string name = directory.filename().string();
    ListedCheckpoint result{directory, number_in(name).first};
    const auto has = [&](const char* file) { return std::filesystem::exists(directory / file); };
    if (name.starts_with(".")) {
        result.problem = "was not finished";
    } else if (!has("config.json")) {
        result.problem = "has no config.json";
    } else if (!has("model.safetensors") && !has("model.safetensors.index.json")) {
        result.problem = "has no weights";
    } else if (has("state")) {
        try {
            const std::optional<Index> step = checkpoint_step(directory);
            if (step) result.order = *step;
            if (!step) result.problem = "is not complete";
        } catch (const Error& error) {
            result.problem = error.what();
        }
    }
    return result;
}

}  // namespace detail

/// The checkpoints below a directory in the order of their steps: of runs of this library, and published weights
/// without training state. Half ones are listed with what is wrong, as are those that a series of numbers lacks:
/// `ckpt_001` between `ckpt_000` and `ckpt_002`. Throws Error(io) if the directory cannot be read.
inline std::vector<ListedCheckpoint> list_checkpoints(const std::filesystem::path& checkpoints) {
    std::vector<ListedCheckpoint> result;
    Index first = -1, last = -1;
    std::size_t digits = 0;
    std::vector<Index> there;
    for (const std::filesystem::path& directory : detail::checkpoint_directories(checkpoints)) {
        result.push_back(detail::list_checkpoint(directory));
        const std::string name = directory.filename().string();
        if (!name.starts_with("ckpt_")) continue;
        const auto [number, width] = detail::number_in(name);
        if (number < 0) continue;
        there.push_back(number);
        first = first < 0 ? number : std::min(first, number);
        last = std::max(last, number);
        digits = std::max(digits, width);
    }
    std::sort(there.begin(), there.end());
    std::stable_sort(result.begin(), result.end(), [](const ListedCheckpoint& a, const ListedCheckpoint& b) {
        return a.order != b.order ? a.order < b.order : a.directory < b.directory;
    });
    for (Index number = first; number >= 0 && number < last; ++number) {
        if (std::binary_search(there.begin(), there.end(), number)) continue;
        std::string name = std::to_string(number);
        name.insert(0, digits - std::min(digits, name.size()), '0');
        result.push_back({checkpoints / ("ckpt_" + name), number, "is missing"});
    }
    return result;
}

}  // namespace lapidary
