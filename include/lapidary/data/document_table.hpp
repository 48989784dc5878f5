#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/core/view.hpp>
#include <lapidary/data/chunk_names.hpp>
#include <lapidary/data/document_row.hpp>
#include <lapidary/io/json.hpp>
#include <lapidary/io/safetensors_reader.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace lapidary {

/// The documents of a prepared directory, memory-mapped: `documents` [D, 7] I64 with the columns of `DocumentRow`,
/// in the order of the streams. A document is named by its row, over all sources. Move-only.
class DocumentTable {
public:
    /// Throws Error(io) for a file that is missing, Error(format) for one that is not of this kind, Error(shape).
    explicit DocumentTable(const std::filesystem::path& directory) : file_(directory / documents_file) {
        const std::filesystem::path manifest = directory / data_manifest;
        const Json data = read_json(manifest);
        labels_ = count(data, "sources", manifest.string());
        files_ = count(data, "inputs", manifest.string());
        rows_ = file_.view<std::int64_t, 2>("documents");
        if (rows_.extent(1) != document_columns) {
            throw Error(ErrorCode::shape, "documents",
                        file_.path().string() + ": tensor 'documents' is " +
                            to_string(file_.info("documents").shape) + ", expected [documents, 7]");
        }
    }

    [[nodiscard]] Index size() const { return rows_.extent(0); }
    [[nodiscard]] const std::filesystem::path& path() const { return file_.path(); }

    /// Throws Error(value) if there is no such row, Error(integrity) naming file and row where a number of it
    /// cannot be.
    [[nodiscard]] DocumentRow row(Index index) const {
        if (index < 0 || index >= size()) {
            throw Error(
                ErrorCode::value, "documents",
                path().string() + ": there is no row " + std::to_string(index) + " in " + std::to_string(size()));
        }
        const auto values = rows_.at(index);
        const DocumentRow row{values[0], values[1], values[2], values[3], values[4], values[5], values[6]};
        within(index, "label", row.label, 0, labels_ - 1);
        within(index, "file", row.file, 0, files_ - 1);
        within(index, "line", row.line, 1, largest);
        within(index, "begin", row.begin, 0, largest);
        within(index, "end", row.end, row.begin, largest);
        within(index, "start", row.start, 0, largest);
        within(index, "tokens", row.tokens, 0, largest);
        return row;
    }

    /// Throws Error(integrity) about a row, naming the file.
    [[noreturn]] void refuse(Index index, std::string_view reason) const {
        throw Error(ErrorCode::integrity, "documents",
                    path().string() + ": row " + std::to_string(index) + ": " + std::string(reason));
    }

private:
    static constexpr Index largest = Index{1} << 60;  // so that sums of two do not overflow

    static Index count(const Json& data, const char* key, const std::string& where) {
        const Json list = get<Json>(data, key, where);
        if (!list.is_array()) throw Error(ErrorCode::format, "documents", where + ": '" + key + "' is no array");
        return static_cast<Index>(list.size());
    }
    void within(Index index, const char* name, Index value, Index least, Index most) const {
        if (value >= least && value <= most) return;
        refuse(index, std::string(name) + " is " + std::to_string(value) + ", expected " + std::to_string(least) +
                          " to " + std::to_string(most));
    }

    SafetensorsReader file_;
    View<const std::int64_t, 2> rows_;
    Index labels_ = 0;
    Index files_ = 0;
};

}  // namespace lapidary
