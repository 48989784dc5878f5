#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/byte_source.hpp>
#include <lapidary/data/json_text.hpp>
#include <lapidary/data/line_reader.hpp>
#include <lapidary/io/quote.hpp>
#include <lapidary/text/utf8.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary {

/// One text, and where it came from.
struct Document {
    std::string text;
    std::int32_t source = 0;  ///< index of its source's name
    std::string file;
    Index line = 0;     ///< counted from 1
    Index ordinal = 0;  ///< counted from 0 over all documents that a reader gave out
};

/// A file of documents and the source they belong to.
struct InputFile {
    std::filesystem::path path;
    std::int32_t source = 0;
};

/// Why a document was left out, and how often.
struct SkippedDocuments {
    Index malformed = 0;  ///< not a JSON object on one line
    Index no_text = 0;    ///< the text field is missing, given twice, or not a string
    Index bad_utf8 = 0;
    Index empty = 0;
    Index too_long = 0;

    [[nodiscard]] Index total() const { return malformed + no_text + bad_utf8 + empty + too_long; }
};

struct DocumentOptions {
    std::string text_field = "text";
    bool skip_bad = false;  ///< leave bad documents out and count them, instead of stopping at the first
    std::size_t max_bytes = default_max_line_bytes;  ///< the longest line, or text file
    OpenBytes open = open_file;                      ///< `open_compressed` reads .gz and .zst as well
};

/// Reads the documents of a list of files, in order, one at a time: every line of a JSON Lines file is one, and
/// every plain text file (.txt, .txt.gz, .txt.zst) is one. Lines of nothing but white space are passed over.
class DocumentReader {
public:
    explicit DocumentReader(std::vector<InputFile> files, DocumentOptions options = {})
        : files_(std::move(files)), options_(std::move(options)) {}

    /// Puts the next document into `document`; false after the last. Throws Error(io) for a file that cannot be
    /// read and Error(format) naming file:line for a bad document, unless `skip_bad` is set. A damaged
    /// compressed stream is always an error: nothing after the damage can be read.
    bool next(Document& document) {
        for (; file_ < files_.size(); ++file_) {
            const InputFile& input = files_[file_];
            document.source = input.source;
            document.file = input.path.string();
            const bool found = is_plain_text(input.path) ? whole_file(document) : next_line(document);
            if (found) {
                document.ordinal = ordinal_++;
                return true;
            }
        }
        return false;
    }

    [[nodiscard]] const SkippedDocuments& skipped() const { return skipped_; }
    /// Bytes of the files taken so far (before decompression), for progress.
    [[nodiscard]] std::uint64_t consumed() const { return finished_bytes_ + (lines_ ? lines_->consumed() : 0); }

    /// Whether a file is one document rather than JSON Lines.
    static bool is_plain_text(std::filesystem::path file) {
        if (file.extension() == ".gz" || file.extension() == ".zst") file.replace_extension();
        return file.extension() == ".txt";
    }

private:
    // The next good document of the open file; false at its end.
    bool next_line(Document& document) {
        if (!lines_) lines_.emplace(options_.open(files_[file_].path), document.file, options_.max_bytes);
        for (;;) {
            const LineReader::Found found = lines_->read(line_);
            if (found == LineReader::Found::end) break;
            document.line = lines_->line();
            if (found == LineReader::Found::too_long) {
                refuse(document, skipped_.too_long, lines_->too_long());
            } else if (line_.find_first_not_of(" \t\r") != std::string::npos && parse(document)) {
                return true;
            }
        }
        finished_bytes_ += lines_->consumed();
        lines_.reset();
        return false;
    }

    // The document on `line_`; false if it was left out.
    bool parse(Document& document) {
        using Outcome = detail::JsonTextField::Outcome;
        if (!valid_utf8(line_)) return refuse_utf8(document, line_);
        detail::JsonTextField field(options_.text_field);
        const std::string name = "the field " + quote(options_.text_field);
        switch (field.read(line_)) {
            case Outcome::malformed:
                return refuse(document, skipped_.malformed, "not JSON: " + field.reason());
            case Outcome::not_an_object:
                return refuse(document, skipped_.malformed, "not a JSON object");
            case Outcome::missing:
                return refuse(document, skipped_.no_text, name + " is missing");
            case Outcome::not_a_string:
                return refuse(document, skipped_.no_text, name + " is not a string");
            case Outcome::twice:
                return refuse(document, skipped_.no_text, name + " is there twice");
            case Outcome::found:
                break;
        }
        document.text = std::move(field.text());
        return !document.text.empty() || refuse(document, skipped_.empty, name + " is empty");
    }

    // The open file as one document; false after that, or if it was left out.
    bool whole_file(Document& document) {
        if (whole_file_done_) {
            whole_file_done_ = false;
            return false;
        }
        constexpr std::size_t piece = std::size_t{1} << 20;
        const std::unique_ptr<ByteSource> source = options_.open(files_[file_].path);
        std::string& text = document.text;
        document.line = 1;
        text.clear();
        bool too_long = false;
        for (;;) {
            const std::size_t used = text.size();
            text.resize(used + piece);
            const std::size_t count = source->read(std::span(text.data() + used, piece));
            text.resize(used + count);
            too_long = text.size() > options_.max_bytes;
            if (count == 0 || too_long) break;
        }
        finished_bytes_ += source->consumed();
        if (too_long) {
            const std::string limit = std::to_string(options_.max_bytes);
            return refuse(document, skipped_.too_long, "the file is longer than " + limit + " bytes");
        }
        if (text.empty()) return refuse(document, skipped_.empty, "the file is empty");
        if (!valid_utf8(text)) return refuse_utf8(document, text);
        whole_file_done_ = true;
        return true;
    }

    bool refuse_utf8(const Document& document, std::string_view text) {
        const std::string place = std::to_string(find_invalid_utf8(text) + 1);
        return refuse(document, skipped_.bad_utf8, "byte " + place + " is not UTF-8");
    }

    // Counts a bad document, or stops at it. Always false.
    bool refuse(const Document& document, Index& count, const std::string& reason) {
        if (!options_.skip_bad) {
            throw Error(ErrorCode::format, "documents",
                        document.file + ":" + std::to_string(document.line) + ": " + reason);
        }
        ++count;
        return false;
    }

    std::vector<InputFile> files_;
    DocumentOptions options_;
    std::size_t file_ = 0;
    std::optional<LineReader> lines_;
    std::string line_;
    bool whole_file_done_ = false;
    std::uint64_t finished_bytes_ = 0;
    Index ordinal_ = 0;
    SkippedDocuments skipped_;
};

}  // namespace lapidary
