#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/chunk_names.hpp>
#include <lapidary/data/fingerprints.hpp>
#include <lapidary/data/token_chunks.hpp>
#include <lapidary/data/token_index_file.hpp>
#include <lapidary/data/token_scan.hpp>
#include <lapidary/io/safetensors_reader.hpp>
#include <lapidary/io/sha256.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace lapidary {

/// Finds ids in the training windows of a prepared directory without reading all tokens, by the index that
/// `build_token_index` wrote. What it finds is what reading all tokens would find: fingerprints only tell where to
/// look.
///
/// Every part of the index is compared with its check sum before it is used.
class TokenIndex {
public:
    /// The chunks must outlive it. Throws Error(io) if there is no index, Error(format) for a file that is not of
    /// this kind, and Error(integrity) naming it where it was built for other data: build it again.
    explicit TokenIndex(const TokenChunks& chunks)
        : chunks_(&chunks), layout_(chunks), file_(chunks.directory() / token_index_file) {
        const auto value = [&](const char* key) {
            const auto found = file_.metadata().find(key);
            return found == file_.metadata().end() ? std::string() : found->second;
        };
        if (value("format") != detail::token_index_format) {
            refuse(ErrorCode::format, std::string("the format is not '") + detail::token_index_format + "'");
        }
        if (value("data") != sha256_file(chunks.directory() / data_manifest)) {
            refuse(ErrorCode::integrity, "was built for another data.json; build it again");
        }
        if (value("fingerprint_ids") != std::to_string(fingerprint_ids) ||
            value("fingerprint_window") != std::to_string(fingerprint_window)) {
            refuse(ErrorCode::format, "was built with other fingerprints; build it again");
        }
        const TensorInfo& entries = file_.info("entries");
        const TensorInfo& buckets = file_.info("buckets");
        if (entries.dtype != DType::U16 || entries.shape.size() != 2 || entries.shape[1] != layout_.width()) {
            refuse(ErrorCode::format, "'entries' is " + to_string(entries.shape) + ", expected U16 [entries, " +
                                          std::to_string(layout_.width()) + "]");
        }
        if (buckets.dtype != DType::I64 || buckets.shape != std::vector<Index>{layout_.buckets(), 2}) {
            refuse(ErrorCode::format, "'buckets' is " + to_string(buckets.shape) + ", expected I64 [" +
                                          std::to_string(layout_.buckets()) + ", 2]");
        }
        entries_ = file_.view<std::uint16_t, 2>("entries");
    }

    [[nodiscard]] const TokenChunks& chunks() const { return *chunks_; }
    [[nodiscard]] const std::filesystem::path& path() const { return file_.path(); }
    /// Entries of the index.
    [[nodiscard]] Index size() const { return entries_.extent(0); }

    /// Calls `visit(occurrence)` for every place where `ids` stand, in order, until it returns false. Fewer than
    /// `indexed_ids` are found by `scan_tokens`. Throws Error(value) for no ids, Error(integrity) naming file and
    /// bucket of an index that is damaged.
    template <class Visit>
    void for_each(std::span<const TokenId> ids, Visit visit) const {
        if (ids.size() < indexed_ids) return scan_tokens(*chunks_, ids, visit);
        const Index columns = chunks_->context() + 1;
        if (static_cast<Index>(ids.size()) > columns) return;
        const Candidates candidates = rarest(ids);
        std::vector<std::int32_t> tokens(static_cast<std::size_t>(columns));
        Index held = -1;  // window that is in `tokens`
        for (Index entry = candidates.first; entry < candidates.last; ++entry) {
            const Index position = position_of(entry);
            if (position >= layout_.positions) refuse_bucket(candidates.bucket);
            const Index window = position / columns;
            const Index column = position % columns - candidates.column;
            if (column < 0 || column + static_cast<Index>(ids.size()) > columns) continue;
            const Occurrence place{window / chunks_->windows_per_chunk(), window % chunks_->windows_per_chunk(),
                                   column};
            if (held != window) chunks_->chunk(place.chunk).read(place.row, tokens.data());
            held = window;
            if (std::equal(ids.begin(), ids.end(), tokens.begin() + column) && !visit(place)) return;
        }
    }

    /// The first `limit` places where `ids` stand. Throws as `for_each` does.
    [[nodiscard]] std::vector<Occurrence> find(std::span<const TokenId> ids, Index limit = no_limit) const {
        std::vector<Occurrence> found;
        if (limit < 1) return found;
        for_each(ids, [&](const Occurrence& occurrence) {
            found.push_back(occurrence);
            return static_cast<Index>(found.size()) < limit;
        });
        return found;
    }

private:
    /// Entries that may be places of ids, with the column that they stand for.
    struct Candidates {
        Index first = 0;
        Index last = 0;
        Index column = 0;
        Index bucket = 0;
    };

    [[noreturn]] void refuse(ErrorCode code, const std::string& reason) const {
        throw Error(code, "index", path().string() + ": " + reason);
    }
    [[noreturn]] void refuse_bucket(Index bucket) const {
        refuse(ErrorCode::integrity, "bucket " + std::to_string(bucket) + " is damaged; build it again");
    }

    [[nodiscard]] std::uint16_t low_key(Index entry) const { return entries_[entry * layout_.width()]; }
    [[nodiscard]] Index position_of(Index entry) const {
        Index position = 0;
        for (Index i = layout_.width() - 1; i > 0; --i)
            position = position << 16 | Index{entries_[entry * layout_.width() + i]};
        return position;
    }

    // Entries of a bucket, once its check sum is right.
    [[nodiscard]] Candidates read_bucket(Index bucket) const {
        std::vector<std::int64_t> records;
        const bool is_last = bucket + 1 == layout_.buckets();
        file_.read<std::int64_t>("buckets", 2 * bucket, is_last ? 2 : 3, records);
        const Index first = records[0];
        const Index last = is_last ? size() : records[2];
        if (first < 0 || last < first || last > size()) refuse_bucket(bucket);
        detail::DigitSum sum;
        const Index width = layout_.width();
        sum.add(std::span(entries_.data + first * width, static_cast<std::size_t>((last - first) * width)));
        if (sum.value() != records[1]) refuse_bucket(bucket);
        return {first, last, 0, bucket};
    }

    // The entries of the fingerprint of `ids` that has the fewest.
    [[nodiscard]] Candidates rarest(std::span<const TokenId> ids) const {
        Candidates best{0, size() + 1};
        std::map<Index, Candidates> buckets;
        winnow(ids, [&](std::uint64_t hash, Index column) {
            const std::uint64_t key = layout_.key(hash);
            const auto number = static_cast<Index>(key >> 16);
            auto bucket = buckets.find(number);
            if (bucket == buckets.end()) bucket = buckets.emplace(number, read_bucket(number)).first;
            const auto low = static_cast<std::uint16_t>(key);
            const Index last = bucket->second.last;
            const Index first = partition(bucket->second.first, last, [&](Index e) { return low_key(e) < low; });
            const Index end = partition(first, last, [&](Index e) { return low_key(e) <= low; });
            if (end - first < best.last - best.first) best = {first, end, column, number};
        });
        return best;
    }

    // The first entry of [first, last) for which `before` is false.
    template <class Before>
    static Index partition(Index first, Index last, Before before) {
        while (first < last) {
            const Index middle = first + (last - first) / 2;
            before(middle) ? first = middle + 1 : last = middle;
        }
        return first;
    }

    const TokenChunks* chunks_;
    detail::TokenIndexLayout layout_;
    SafetensorsReader file_;
    View<const std::uint16_t, 2> entries_;
};

}  // namespace lapidary
