#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/data/window_packer.hpp>
#include <lapidary/io/mapped_file.hpp>
#include <lapidary/io/output_file.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <span>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace lapidary::detail {

/// Windows on disk between packing and writing chunk files, because a chunk's size is known only at the end:
/// records of one size, written in order, then read at any position. The file is removed with the object.
/// `Token` is the element type of the chunk files.
template <class Token>
class WindowSpill {
public:
    WindowSpill(std::filesystem::path file, Index context)
        : file_(std::move(file)),
          length_(static_cast<std::size_t>(context) + 1),
          record_(sizeof(Head) + round_up_bytes(length_ * sizeof(Token))),
          output_(std::in_place, file_) {}
    WindowSpill(const WindowSpill&) = delete;
    WindowSpill& operator=(const WindowSpill&) = delete;
    ~WindowSpill() {
        std::error_code ignored;
        std::filesystem::remove(file_, ignored);
    }

    /// The window must have context + 1 tokens that fit `Token`.
    void append(const Window& window) {
        const std::size_t start = buffer_.size();
        buffer_.resize(start + record_);
        const Head head{window.document, window.offset, window.source};
        std::memcpy(buffer_.data() + start, &head, sizeof head);
        for (std::size_t i = 0; i < length_; ++i) {
            const auto token = static_cast<Token>(window.tokens[i]);
            std::memcpy(buffer_.data() + start + sizeof head + i * sizeof token, &token, sizeof token);
        }
        ++count_;
        if (buffer_.size() >= buffer_limit) flush();
    }

    /// Ends writing; `read` works from here on.
    void close() {
        flush();
        output_->close();
        output_.reset();
        input_.emplace(file_);
    }

    [[nodiscard]] Index size() const { return count_; }
    /// Source, document and offset of record `i`; its `tokens` stay empty.
    [[nodiscard]] Window origin(Index i) const {
        Head head;
        std::memcpy(&head, record(i).data(), sizeof head);
        return {{}, static_cast<std::int32_t>(head.source), head.document, head.offset};
    }
    /// The tokens of record `i`, as bytes of `Token`.
    [[nodiscard]] std::span<const std::byte> tokens(Index i) const {
        return record(i).subspan(sizeof(Head), length_ * sizeof(Token));
    }

private:
    struct Head {
        std::int64_t document = 0;
        std::int64_t offset = 0;
        std::int64_t source = 0;
    };
    static_assert(std::is_trivially_copyable_v<Head>);
    static constexpr std::size_t buffer_limit = std::size_t{1} << 20;

    static std::size_t round_up_bytes(std::size_t bytes) { return (bytes + 7) / 8 * 8; }
    [[nodiscard]] std::span<const std::byte> record(Index i) const {
        return input_->bytes().subspan(static_cast<std::size_t>(i) * record_, record_);
    }
    void flush() {
        output_->write(std::span<const std::byte>(buffer_));
        buffer_.clear();
    }

    std::filesystem::path file_;
    std::size_t length_;
    std::size_t record_;
    std::optional<OutputFile> output_;
    std::optional<MappedFile> input_;
    std::vector<std::byte> buffer_;
    Index count_ = 0;
};

}  // namespace lapidary::detail
