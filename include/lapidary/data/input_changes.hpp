#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/byte_source.hpp>
#include <lapidary/data/text_blocks.hpp>
#include <lapidary/io/growing_file.hpp>
#include <lapidary/io/sha256.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace lapidary {

/// Size and SHA-256 of a file that was read to its end.
struct FinishedInput {
    std::int64_t bytes = 0;
    std::array<char, 64> sha256{};  ///< hexadecimal

    static FinishedInput of(const InputPosition& end) {
        FinishedInput input{.bytes = end.stored_bytes};
        std::copy_n(end.stored_hash.begin(), std::min(end.stored_hash.size(), input.sha256.size()),
                    input.sha256.begin());
        return input;
    }
    [[nodiscard]] std::string_view hash() const { return {sha256.data(), sha256.size()}; }
};

/// SHA-256 of the first `bytes` of a file, or of all of it if it is shorter.
inline std::string sha256_of_start(const std::filesystem::path& file, Index bytes) {
    FileSource source(file);
    Sha256 hash;
    std::vector<char> buffer(std::size_t{1} << 20);
    for (auto left = static_cast<std::size_t>(bytes); left > 0;) {
        const std::size_t count = source.read(std::span(buffer).first(std::min(left, buffer.size())));
        if (count == 0) break;
        hash.update(std::as_bytes(std::span(buffer).first(count)));
        left -= count;
    }
    return hash.hex();
}

/// Throws Error(integrity) naming the first file that is not what was read before: one of those finished, or the
/// part that was read of the next. `folder`: what to remove to begin anew, for the message.
inline void check_inputs_unchanged(const std::vector<InputFile>& files, const GrowingFile<FinishedInput>& finished,
                                   const InputPosition& position, const std::filesystem::path& folder) {
    const auto changed = [&](const std::filesystem::path& file) {
        throw Error(ErrorCode::integrity, "input",
                    file.string() + ": has changed since this preparation began to read it; remove " +
                        folder.string() + " to begin anew");
    };
    for (Index i = 0; i < finished.size(); ++i) {
        const std::filesystem::path& file = files[static_cast<std::size_t>(i)].path;
        const FinishedInput input = finished.read(i);
        std::error_code failure;
        const auto size = std::filesystem::file_size(file, failure);
        if (failure || static_cast<Index>(size) != input.bytes ||
            sha256_of_start(file, input.bytes) != input.hash()) {
            changed(file);
        }
    }
    if (position.stored_bytes == 0) return;
    const std::filesystem::path& file = files[static_cast<std::size_t>(position.file)].path;
    if (sha256_of_start(file, position.stored_bytes) != position.stored_hash) changed(file);
}

}  // namespace lapidary
