#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/io/mapped_file.hpp>
#include <lapidary/io/output_file.hpp>

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace lapidary::detail {

/// A fingerprint's place in the index, and the token where it stands.
struct Posting {
    std::uint64_t key = 0;
    Index position = 0;
    friend auto operator<=>(const Posting&, const Posting&) = default;
};

/// Sorts any number of postings in bounded memory: `add` them by ascending position, then `drain`.
///
/// What does not fit into `limit` postings is dealt to 256 files by 8 bits of the key, highest first, and each
/// file is sorted the same way by the next 8 bits. Memory: 16 bytes for each of `limit`, and 16 MiB while postings
/// are dealt. Disk: 16 bytes a posting.
class PostingSorter {
public:
    static constexpr std::size_t default_limit = std::size_t{1} << 21;  // 32 MiB

    /// The keys differ in their lowest `key_bits` only; `files`: a path that the names of its files start with.
    PostingSorter(std::filesystem::path files, int key_bits, std::size_t limit = default_limit)
        : files_(std::move(files)), limit_(limit), shift_(std::max(0, key_bits - 8)) {}

    void add(const Posting& posting) {
        ++size_;
        if (buffers_.empty()) {
            if (held_.size() < limit_) return held_.push_back(posting);
            buffers_.resize(fan_out);
            for (const Posting& earlier : std::exchange(held_, {})) deal(earlier);
        }
        deal(posting);
    }

    [[nodiscard]] Index size() const { return size_; }

    /// Calls `visit(posting)` in the order of keys, those of one key in the order of positions. Nothing is left
    /// then.
    template <class Visit>
    void drain(Visit&& visit) {
        if (buffers_.empty()) {
            std::sort(held_.begin(), held_.end());
            for (const Posting& posting : held_) visit(posting);
            held_ = {};
            return;
        }
        for (std::size_t group = 0; group < fan_out; ++group) flush(group);
        buffers_ = {};
        for (std::size_t group = 0; group < fan_out; ++group) {
            const std::filesystem::path file = name(group);
            if (std::filesystem::exists(file)) drain_file(file, visit);
        }
    }

private:
    static constexpr std::size_t fan_out = 256;
    static constexpr std::size_t buffered = 4096;  // postings of a group: 64 KiB

    [[nodiscard]] std::filesystem::path name(std::size_t group) const {
        std::filesystem::path file = files_;
        return (file += '.') += std::to_string(group);
    }
    void deal(const Posting& posting) {
        const auto group = static_cast<std::size_t>((posting.key >> shift_) & (fan_out - 1));
        buffers_[group].push_back(posting);
        if (buffers_[group].size() >= buffered) flush(group);
    }
    void flush(std::size_t group) {
        if (buffers_[group].empty()) return;
        OutputFile file(name(group), OpenMode::append);
        file.write(std::as_bytes(std::span(buffers_[group])));
        file.close();
        buffers_[group].clear();
    }

    template <class Visit>
    void drain_file(const std::filesystem::path& file, Visit& visit) {
        PostingSorter inner(file, shift_, limit_);
        {
            const MappedFile mapped(file);
            const std::span<const std::byte> bytes = mapped.bytes();
            constexpr std::size_t piece = buffered * sizeof(Posting);
            for (std::size_t first = 0; first < bytes.size(); first += piece) {
                const auto part = bytes.subspan(first, std::min(piece, bytes.size() - first));
                for (std::size_t i = 0; i < part.size(); i += sizeof(Posting)) {
                    Posting posting;
                    std::memcpy(&posting, part.data() + i, sizeof posting);
                    if (shift_ == 0) {  // all keys of this file are equal, and positions come in order
                        visit(posting);
                    } else {
                        inner.add(posting);
                    }
                }
                mapped.forget(part);
            }
        }
        std::error_code ignored;
        std::filesystem::remove(file, ignored);
        inner.drain(visit);
    }

    std::filesystem::path files_;
    std::size_t limit_;
    int shift_;  // of the 8 bits that it deals by
    Index size_ = 0;
    std::vector<Posting> held_;
    std::vector<std::vector<Posting>> buffers_;  // by group; empty as long as all are held
};

}  // namespace lapidary::detail
