#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/data/chunk_names.hpp>
#include <lapidary/data/fingerprints.hpp>
#include <lapidary/data/posting_sorter.hpp>
#include <lapidary/data/token_chunks.hpp>
#include <lapidary/data/token_index_file.hpp>
#include <lapidary/data/token_scan.hpp>
#include <lapidary/io/file.hpp>
#include <lapidary/io/run_lock.hpp>
#include <lapidary/io/safetensors_writer.hpp>
#include <lapidary/io/sha256.hpp>
#include <lapidary/io/staged_directory.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace lapidary {

namespace detail {

/// A folder for what is needed while a file is made; removed with the object. One process at a time has it.
class ScratchFolder {
public:
    /// Throws Error(busy) naming the process that has it, Error(io).
    explicit ScratchFolder(const std::filesystem::path& folder) : path_(created(folder)), lock_(folder) {
        std::error_code error;
        for (const auto& left_over : std::filesystem::directory_iterator(folder, error)) {
            if (left_over.path().filename() != ".lock") std::filesystem::remove_all(left_over.path(), error);
        }
        check_io(folder, "empty", error);
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    ~ScratchFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::filesystem::path operator/(const char* name) const { return path_ / name; }

private:
    static const std::filesystem::path& created(const std::filesystem::path& folder) {
        create_directories_durably(folder);
        return folder;
    }

    std::filesystem::path path_;
    RunLock lock_;
};

/// Writes sorted postings as entries, and the buckets beside them: a file, because nobody knows how many there
/// are.
class TokenIndexWriter {
public:
    TokenIndexWriter(const std::filesystem::path& file, const std::filesystem::path& buckets,
                     const TokenIndexLayout& layout, Index entries,
                     const std::map<std::string, std::string>& metadata)
        : layout_(layout),
          file_(
              file,
              {{"entries", DType::U16, {entries, layout.width()}}, {"buckets", DType::I64, {layout.buckets(), 2}}},
              metadata),
          bucket_path_(buckets),
          buckets_(buckets) {}

    void add(const Posting& posting) {
        const auto bucket = static_cast<Index>(posting.key >> 16);
        while (bucket_ < bucket) close_bucket();
        std::array<std::uint16_t, 4> digits{static_cast<std::uint16_t>(posting.key)};
        for (std::size_t i = 0; i < layout_.digits; ++i)
            digits[i + 1] = static_cast<std::uint16_t>(posting.position >> (16 * i));
        const auto used = std::span<const std::uint16_t>(digits).first(layout_.digits + 1);
        sum_.add(used);
        entries_.insert(entries_.end(), used.begin(), used.end());
        if (entries_.size() > buffered) flush();
        ++count_;
    }

    void finish() {
        while (bucket_ < layout_.buckets()) close_bucket();
        flush();
        buckets_.close();
        const MappedFile records(bucket_path_);
        file_.append(records.bytes());
        file_.finish();
    }

private:
    static constexpr std::size_t buffered = std::size_t{1} << 19;  // 1 MiB

    void close_bucket() {
        records_.push_back(first_);
        records_.push_back(sum_.value());
        first_ = count_;
        sum_ = {};
        ++bucket_;
        if (records_.size() > buffered / 4) flush();
    }
    void flush() {
        file_.append(std::span(std::as_const(entries_)));
        buckets_.write(std::as_bytes(std::span(records_)));
        entries_.clear();
        records_.clear();
    }

    TokenIndexLayout layout_;
    SafetensorsWriter file_;
    std::filesystem::path bucket_path_;
    OutputFile buckets_;
    std::vector<std::uint16_t> entries_;
    std::vector<std::int64_t> records_;
    DigitSum sum_;
    Index count_ = 0;
    Index first_ = 0;   // entry of the bucket
    Index bucket_ = 0;  // the one that entries are added to
};

}  // namespace detail

struct TokenIndexOptions {
    /// Told the windows that are done, for progress; may be empty.
    std::function<void(Index)> progress{};
    /// Fingerprints that are held in memory, 16 bytes each.
    std::size_t held = detail::PostingSorter::default_limit;
};

/// Writes `ngrams.safetensors` into a prepared directory, the index that `TokenIndex` reads: about 1.7 bytes a
/// token below 2^32 tokens, 2.3 from there on. It replaces an older one in one step when it is complete and on the
/// disk. Equal data give equal bytes.
///
/// Memory: 64 MiB and one window, whatever the size of the data. Disk, while it works: 4.6 bytes a token besides
/// the index. Throws Error(busy) if another process builds it, Error(io).
inline void build_token_index(const TokenChunks& chunks, const TokenIndexOptions& options = {}) {
    const std::filesystem::path file = chunks.directory() / token_index_file;
    const detail::ScratchFolder scratch(detail::unfinished_name(file, "partial"));
    const detail::TokenIndexLayout layout(chunks);
    detail::PostingSorter sorter(scratch / "postings", layout.key_bits(), options.held);
    Index start = 0;  // position of the window
    Index windows = 0;
    for_each_window(chunks, [&](Index, Index, std::span<const TokenId> tokens) {
        winnow(tokens, [&](std::uint64_t hash, Index column) { sorter.add({layout.key(hash), start + column}); });
        start += static_cast<Index>(tokens.size());
        if (options.progress) options.progress(++windows);
        return true;
    });
    const std::filesystem::path finished = scratch / token_index_file;
    detail::TokenIndexWriter writer(finished, scratch / "buckets", layout, sorter.size(),
                                    {{"format", detail::token_index_format},
                                     {"data", sha256_file(chunks.directory() / data_manifest)},
                                     {"fingerprint_ids", std::to_string(fingerprint_ids)},
                                     {"fingerprint_window", std::to_string(fingerprint_window)}});
    sorter.drain([&](const detail::Posting& posting) { writer.add(posting); });
    writer.finish();
    if (std::rename(finished.c_str(), file.c_str()) != 0) detail::throw_io(file, "replace", errno);
    sync_directory(chunks.directory());
}

}  // namespace lapidary
