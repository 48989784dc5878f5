#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/data/byte_source.hpp>
#include <lapidary/data/line_reader.hpp>
#include <lapidary/data/recipe.hpp>
#include <lapidary/io/sha256.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// A file of documents and the source they belong to.
struct InputFile {
    std::filesystem::path path;
    std::int32_t source = 0;  ///< index into the recipe's sources
    SourceFormat format = SourceFormat::lines;

    /// Whether the file is one document.
    [[nodiscard]] bool whole() const { return format == SourceFormat::text || format == SourceFormat::tree; }
};

/// How far a list of files was read: all before it was handed out. The default is the beginning.
struct InputPosition {
    Index file = 0;             ///< index into the list; its length at the end
    Index lines = 0;            ///< of that file
    Index bytes = 0;            ///< of that file's contents
    Index stored_bytes = 0;     ///< of the file as it is stored that were read for them,
    std::string stored_hash{};  ///< and their SHA-256
};

/// Consecutive lines of a file, or a whole file, nothing of it looked at yet.
struct TextBlock {
    Index file = 0;         ///< index into the list of files
    Index first_line = 1;   ///< counted from 1
    Index begin = 0;        ///< offset of its first byte in the contents of the file
    std::string text{};     ///< whole lines with their newlines, or the file
    bool too_long = false;  ///< a line (or file) over the limit stood here; `text` is empty
    bool ends_file = false;
    InputPosition after{};  ///< where to go on after it; with `ends_file`, size and SHA-256 of the whole file
};

/// Reads a list of files in blocks of about 1 MiB that end where lines do, from any position where a block ended.
/// Every file ends with a block that says so, which may be empty. Memory: a block, or the longest line allowed.
class TextBlockReader {
public:
    explicit TextBlockReader(std::vector<InputFile> files, Decoding decoding = as_stored,
                             std::size_t max_bytes = default_max_line_bytes, const InputPosition& start = {})
        : files_(std::move(files)), decoding_(std::move(decoding)), max_bytes_(max_bytes), file_(start.file) {
        if (start.lines > 0 || start.bytes > 0) open(start);
    }

    /// Puts the next block into `block`; false after the last. Throws Error(io) for a file that cannot be read,
    /// and what the decoding throws for one that is damaged.
    bool next(TextBlock& block) {
        if (static_cast<std::size_t>(file_) >= files_.size()) return false;
        if (!lines_) open({});
        block = TextBlock{.file = file_, .first_line = lines_->line() + 1, .begin = lines_->offset()};
        if (current().whole()) {
            read_file(block);
        } else {
            read_lines(block);
        }
        block.after.file = file_;
        block.after.stored_bytes = static_cast<Index>(lines_->consumed());
        block.after.stored_hash = hash_.hex();
        if (block.ends_file) {
            ++file_;
            lines_.reset();
        }
        return true;
    }

private:
    static constexpr std::size_t block_bytes = std::size_t{1} << 20;

    [[nodiscard]] const InputFile& current() const { return files_[static_cast<std::size_t>(file_)]; }

    void open(const InputPosition& start) {
        const std::string name = current().path.string();
        hash_ = Sha256();
        auto stored = std::make_unique<HashedSource>(std::make_unique<FileSource>(current().path), hash_);
        lines_.emplace(decoding_(std::move(stored), name), name, max_bytes_);
        too_long_ = false;
        lines_->skip(start.bytes, start.lines);
    }

    void read_lines(TextBlock& block) {
        if (too_long_) {  // found when the lines before it were read
            too_long_ = false;
            block.first_line = lines_->line();
            block.too_long = true;
        }
        while (!block.too_long && block.text.size() < block_bytes) {
            block.after.lines = lines_->line();
            block.after.bytes = lines_->offset();
            const LineReader::Found found = lines_->read(line_);
            block.ends_file = found == LineReader::Found::end;
            if (block.ends_file) return;
            if (found == LineReader::Found::too_long && !block.text.empty()) {
                too_long_ = true;
                return;
            }
            block.too_long = found == LineReader::Found::too_long;
            block.text += line_;
            if (lines_->offset() - block.after.bytes > static_cast<Index>(line_.size())) block.text += '\n';
        }
        if (block.too_long) block.text.clear();
        block.after.lines = lines_->line();
        block.after.bytes = lines_->offset();
    }

    void read_file(TextBlock& block) {
        while (lines_->read_bytes(block.text, block_bytes)) {
            if (block.text.size() <= max_bytes_) continue;
            block.too_long = true;
            block.text.clear();
        }
        if (block.too_long) block.text = {};
        block.ends_file = true;
        block.after.bytes = lines_->offset();
    }

    std::vector<InputFile> files_;
    Decoding decoding_;
    std::size_t max_bytes_;
    Index file_;
    Sha256 hash_;
    std::optional<LineReader> lines_;
    std::string line_;
    bool too_long_ = false;
};

}  // namespace lapidary
