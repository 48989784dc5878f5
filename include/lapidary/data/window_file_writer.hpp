#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/token_stream.hpp>
#include <lapidary/data/window_origin.hpp>
#include <lapidary/io/file.hpp>
#include <lapidary/io/safetensors.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace lapidary {

/// Writes a file that `WindowFile` reads; it appears under its name when it is complete and durable.
class WindowFileWriter {
public:
    /// `origins`: one a window, kept. Throws Error(value) for a source or epoch beyond 65535, Error(io).
    WindowFileWriter(const std::filesystem::path& path, std::span<const WindowOrigin> origins, Index context,
                     Index vocabulary, const std::map<std::string, std::string>& metadata)
        : path_(path),
          temporary_(detail::unfinished_name(path, "partial")),
          narrow_(narrow_tokens(vocabulary)),
          origins_(origins),
          file_(temporary_, specs(static_cast<Index>(origins.size()), context, narrow_), metadata) {
        append_column<std::int64_t>([](const WindowOrigin& origin) { return origin.document; });
        append_column<std::int64_t>([](const WindowOrigin& origin) { return origin.offset; });
    }

    /// The ids of the next windows.
    void append(std::span<const TokenId> ids) {
        narrow_ ? append_as<std::uint16_t>(ids) : append_as<std::uint32_t>(ids);
    }

    void finish() {
        append_column<std::uint16_t>([](const WindowOrigin& origin) { return origin.source; });
        append_column<std::uint16_t>([](const WindowOrigin& origin) { return origin.epoch; });
        file_.finish();
        if (std::rename(temporary_.c_str(), path_.c_str()) != 0) detail::throw_io(path_, "replace", errno);
        sync_directory(detail::folder_of(path_));
    }

private:
    static std::vector<TensorSpec> specs(Index windows, Index context, bool narrow) {
        return {{"document", DType::I64, {windows}},
                {"offset", DType::I64, {windows}},
                {"tokens", narrow ? DType::U16 : DType::U32, {windows, context + 1}},
                {"source", DType::U16, {windows}},
                {"epoch", DType::U16, {windows}}};
    }

    template <class Stored, class Column>
    void append_column(Column column) {
        std::vector<Stored> values;
        values.reserve(origins_.size());
        for (const WindowOrigin& origin : origins_) {
            const auto value = column(origin);
            values.push_back(static_cast<Stored>(value));
            if (static_cast<std::int64_t>(values.back()) == static_cast<std::int64_t>(value)) continue;
            throw Error(ErrorCode::value, "chunks", path_.string() + ": a source or epoch beyond 65535");
        }
        file_.append(std::span<const Stored>(values));
    }
    template <class Stored>
    void append_as(std::span<const TokenId> ids) {
        file_.append(std::span<const Stored>(stored_ids<Stored>(ids)));
    }

    std::filesystem::path path_;
    std::filesystem::path temporary_;
    bool narrow_;
    std::span<const WindowOrigin> origins_;
    SafetensorsWriter file_;
};

}  // namespace lapidary
