#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/byte_source.hpp>
#include <lapidary/data/chunk_names.hpp>
#include <lapidary/data/document_table.hpp>
#include <lapidary/data/documents.hpp>
#include <lapidary/data/json_text.hpp>
#include <lapidary/io/json.hpp>
#include <lapidary/io/quote.hpp>
#include <lapidary/io/sha256.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// One of the files that a prepared directory was made from, as data.json records it.
struct SourceFile {
    std::filesystem::path path;
    std::string sha256;
    std::string
        format;  ///< `lines`: JSON, a document a line; `text` and `tree`: a document a file; others hold none
    std::string field;  ///< of a JSON line, that holds the text
};

/// Reads documents back out of the files that they came from. A file is compared with its recorded hash before
/// anything is read of it. A compressed file can only be read forwards, so ask for its documents in their order
/// where there are many. Memory: one document.
class SourceText {
public:
    /// `decoding`: `decoded` where there may be other than plain files. Throws Error(io), Error(format).
    explicit SourceText(const std::filesystem::path& directory, Decoding decoding = as_stored)
        : decoding_(std::move(decoding)) {
        const std::filesystem::path manifest = directory / data_manifest;
        const std::string where = manifest.string();
        const Json data = read_json(manifest);
        std::map<std::string, Json> recipes;
        const auto recipe = get_or(data, "recipe", Json(), where);
        if (recipe.is_object()) {
            for (const Json& one : get<std::vector<Json>>(recipe, "sources", where))
                recipes[get<std::string>(one, "name", where)] = one;
        }
        for (const Json& input : get<std::vector<Json>>(data, "inputs", where)) {
            SourceFile file{get<std::string>(input, "file", where), get<std::string>(input, "sha256", where), "",
                            ""};
            const Json& settings =
                recipes.try_emplace(get_or(input, "source", "", where), Json::object()).first->second;
            file.format = get_or(settings, "format", "lines", where);
            file.field = get_or(settings, "field", "text", where);
            files_.push_back(std::move(file));
        }
        verified_.resize(files_.size());
    }

    /// Of a `DocumentRow`: files()[row.file].
    [[nodiscard]] const std::vector<SourceFile>& files() const { return files_; }

    /// A document's bytes as its file has them: a JSON line, or all of a text file. Throws Error(io) naming a file
    /// that is gone, Error(integrity) for one that changed, Error(value) for a row that names no file, and what
    /// `open` throws for a damaged stream.
    [[nodiscard]] std::string bytes(const DocumentRow& row) {
        seek(row);
        std::string text;
        while (const Index left = row.end - position_) {
            // In pieces, so that no number in a file decides how much memory is taken.
            const std::size_t used = text.size();
            text.resize(used + static_cast<std::size_t>(std::min(left, piece)));
            const std::size_t count = source_->read(std::span(text).subspan(used));
            text.resize(used + count);
            position_ += static_cast<Index>(count);
            if (count == 0) refuse(row, "ends at byte " + std::to_string(position_) + " of the decompressed file");
        }
        file_ = row.file;
        return text;
    }

    /// A document's text, which the tokens were made from. Throws as `bytes` does, Error(integrity) if the bytes
    /// are no JSON object with the text, Error(unsupported) for a file of another format.
    [[nodiscard]] std::string text(const DocumentRow& row) {
        std::string text = bytes(row);
        const SourceFile& file = files_[static_cast<std::size_t>(row.file)];
        if (file.format == "text" || file.format == "tree") return text;
        if (file.format != "lines" && file.format != "parquet") {
            throw Error(
                ErrorCode::unsupported, "source",
                file.path.string() + ": documents of the format " + quote(file.format) + " are not read back");
        }
        detail::JsonTextField field(file.field);
        if (field.read(text) != detail::JsonTextField::Outcome::found) {
            refuse(row, "bytes " + std::to_string(row.begin) + " to " + std::to_string(row.end) +
                            " are no JSON object with a text " + quote(file.field));
        }
        return std::move(field.text());
    }

private:
    static constexpr Index piece = Index{1} << 20;

    [[noreturn]] void refuse(const DocumentRow& row, const std::string& reason) const {
        throw Error(ErrorCode::integrity, "source",
                    files_[static_cast<std::size_t>(row.file)].path.string() + ":" + std::to_string(row.line) +
                        ": " + reason);
    }

    void seek(const DocumentRow& row) {
        if (row.file < 0 || row.file >= static_cast<Index>(files_.size())) {
            throw Error(ErrorCode::value, "source", "there is no input " + std::to_string(row.file));
        }
        const auto index = static_cast<std::size_t>(row.file);
        const SourceFile& file = files_[index];
        if (!verified_[index]) {
            const std::string got = sha256_file(file.path);
            if (got != file.sha256) {
                throw Error(ErrorCode::integrity, "source",
                            file.path.string() + ": changed since it was prepared: SHA-256 is " + got +
                                ", recorded is " + file.sha256);
            }
            verified_[index] = true;
        }
        if (source_ == nullptr || file_ != row.file || position_ > row.begin) {
            source_ = decoding_(std::make_unique<FileSource>(file.path), file.path.string());
            position_ = 0;
        }
        file_ = -1;  // until all went well
        buffer_.resize(static_cast<std::size_t>(piece));
        while (position_ < row.begin) {
            const auto wanted = static_cast<std::size_t>(std::min(row.begin - position_, piece));
            const std::size_t count = source_->read(std::span(buffer_).first(wanted));
            position_ += static_cast<Index>(count);
            if (count == 0) refuse(row, "ends at byte " + std::to_string(position_) + " of the decompressed file");
        }
    }

    Decoding decoding_;
    std::vector<SourceFile> files_;
    std::vector<bool> verified_;
    std::unique_ptr<ByteSource> source_;
    Index file_ = -1;     // that `source_` reads; -1: to be opened again
    Index position_ = 0;  // bytes of it that are read
    std::vector<char> buffer_;
};

}  // namespace lapidary
