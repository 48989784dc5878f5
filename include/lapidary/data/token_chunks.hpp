#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/batch.hpp>
#include <lapidary/data/chunk_names.hpp>
#include <lapidary/data/permutation.hpp>
#include <lapidary/data/recipe.hpp>
#include <lapidary/data/window_file.hpp>
#include <lapidary/io/json.hpp>
#include <lapidary/io/sha256.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

struct TokenChunkOptions {
    Index batch_size = 8;
    std::uint64_t seed = 11111;
    bool verify = true;               ///< compare every file with its recorded hash and check every token id
    bool separate_documents = false;  ///< fill Batch::starts: a token sees its own document alone
};

/// A prepared directory, memory-mapped: which tokens a step trains on is a pure function of
/// (data, batch size, seed, step), whatever was asked for before, by whichever process.
///
/// A step belongs to one chunk; a chunk is visited in the order of a permutation drawn for it and for the epoch,
/// and its last windows that do not fill a batch are left out, as in AMBER. After the last chunk the first comes
/// again in another order.
class TokenChunks {
public:
    /// Throws Error(io); Error(format) for a manifest or a file that is not of this kind; Error(integrity) naming
    /// the file that differs from its hash, or the row and column of a token outside the vocabulary; Error(shape)
    /// for extents that differ from the manifest; Error(value) for a batch larger than a chunk.
    explicit TokenChunks(const std::filesystem::path& directory, TokenChunkOptions options = {})
        : directory_(directory), options_(options) {
        const std::filesystem::path file = directory / data_manifest;
        const std::string where = file.string();
        const Json manifest = read_json(file);
        if (get<std::string>(manifest, "format", where) != data_format) {
            throw Error(ErrorCode::format, "data", where + ": the format is not '" + data_format + "'");
        }
        context_ = positive(manifest, "context", where);
        vocabulary_ = positive(manifest, "vocabulary", where, largest_vocabulary);
        eos_ = get<std::int32_t>(manifest, "eos", where);
        pad_ = get_or<std::int32_t>(manifest, "pad", -1, where);
        windows_per_chunk_ = positive(manifest, "windows_per_chunk", where);
        for (const Json& source : get<std::vector<Json>>(manifest, "sources", where)) {
            sources_.push_back(get<std::string>(source, "name", where));
        }
        const auto hashes = get<std::map<std::string, std::string>>(manifest, "sha256", where);
        if (options_.verify) {
            for (const auto& [name, hash] : hashes) check_hash(name, hash);
        }
        const Index count = positive(manifest, "chunks", where);
        for (Index chunk = 0; chunk < count; ++chunk) {
            chunks_.push_back(open(chunk_file(chunk), windows_per_chunk_, hashes, where));
        }
        const auto held_out = get<Index>(manifest, "validation_windows", where);
        validation_.push_back(open(validation_file, held_out, hashes, where));
        static_cast<void>(steps_per_chunk(options_.batch_size));
        if (options_.separate_documents && eos_ < 0) {
            throw Error(ErrorCode::value, "data",
                        where + ": no id stands between documents, so they cannot be kept apart");
        }
    }

    [[nodiscard]] Index context() const { return context_; }
    [[nodiscard]] Index vocabulary() const { return vocabulary_; }
    [[nodiscard]] std::int32_t eos_id() const { return eos_; }
    [[nodiscard]] const std::vector<std::string>& sources() const { return sources_; }
    [[nodiscard]] Index chunk_count() const { return static_cast<Index>(chunks_.size()); }
    /// Windows in a chunk; all chunks have the same number.
    [[nodiscard]] Index windows_per_chunk() const { return windows_per_chunk_; }
    [[nodiscard]] Index validation_windows() const { return validation().windows(); }
    [[nodiscard]] const TokenChunkOptions& options() const { return options_; }
    [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }

    /// A chunk's windows as they lie in its file. Throws Error(value) if there is no such chunk.
    [[nodiscard]] const WindowFile& chunk(Index index) const {
        if (index < 0 || index >= chunk_count()) {
            throw Error(ErrorCode::value, "data",
                        "there is no chunk " + std::to_string(index) + " in " + std::to_string(chunk_count()));
        }
        return chunks_[static_cast<std::size_t>(index)];
    }
    /// The held-out windows as they lie in their file.
    [[nodiscard]] const WindowFile& validation() const { return validation_.front(); }

    /// Full batches in a chunk. Throws Error(value) if the batch is empty or larger than a chunk.
    [[nodiscard]] Index steps_per_chunk(Index batch_size) const {
        if (batch_size < 1 || batch_size > windows_per_chunk_) {
            throw Error(ErrorCode::value, "data",
                        "a batch of " + std::to_string(batch_size) + " windows, a chunk has " +
                            std::to_string(windows_per_chunk_));
        }
        return windows_per_chunk_ / batch_size;
    }
    [[nodiscard]] Index steps_per_chunk() const { return steps_per_chunk(options_.batch_size); }
    /// Steps until every chunk was visited once.
    [[nodiscard]] Index steps_per_epoch() const { return steps_per_chunk() * chunk_count(); }

    /// The tokens of a step, counted from 0. Safe to call from many threads. Throws Error(value) for a negative
    /// step or a batch larger than a chunk.
    [[nodiscard]] Batch batch(Index step, Index batch_size, std::uint64_t seed) const {
        if (step < 0) throw Error(ErrorCode::value, "data", "step " + std::to_string(step));
        const Index steps = steps_per_chunk(batch_size);
        const Index item = step / steps;  // chunks counted over epochs
        const Index position = step % steps;
        Batch batch = empty_batch(step, batch_size);
        batch.epoch = item / chunk_count();
        batch.chunk = item % chunk_count();
        batch.last_in_chunk = position == steps - 1;
        const Permutation order(windows_per_chunk_, seed, static_cast<std::uint64_t>(item));
        for (Index i = 0; i < batch_size; ++i) batch.rows.push_back(order(position * batch_size + i));
        fill(batch, chunk(batch.chunk));
        return batch;
    }
    /// The same with the batch size and the seed given at opening.
    [[nodiscard]] Batch batch(Index step) const { return batch(step, options_.batch_size, options_.seed); }

    /// The steps below `steps` whose batches hold a window, in order, at most `limit` of them: the inverse of
    /// `batch`. In an epoch over the chunks a window is seen once, or not at all where it is among those that fill
    /// no batch. Time: one position of a permutation for each epoch. Throws Error(value) if there is no such
    /// window, and as `batch`.
    [[nodiscard]] std::vector<Index> steps_of(Index chunk_index, Index row, Index steps, Index batch_size,
                                              std::uint64_t seed, Index limit = Index{1} << 40) const {
        static_cast<void>(chunk(chunk_index).origin(row));
        const Index in_chunk = steps_per_chunk(batch_size);
        std::vector<Index> result;
        for (Index item = chunk_index; item <= (steps - 1) / in_chunk && static_cast<Index>(result.size()) < limit;
             item += chunk_count()) {
            const Permutation order(windows_per_chunk_, seed, static_cast<std::uint64_t>(item));
            const Index place = order.position(row) / batch_size;
            const Index step = item * in_chunk + place;
            if (place < in_chunk && step < steps) result.push_back(step);
        }
        return result;
    }
    /// The same with the batch size and the seed given at opening.
    [[nodiscard]] std::vector<Index> steps_of(Index chunk_index, Index row, Index steps) const {
        return steps_of(chunk_index, row, steps, options_.batch_size, options_.seed);
    }

    /// The i-th batch of the held-out windows, in their order; the last may hold fewer than `batch_size`. Its
    /// `step` is i. Throws Error(value) past the end.
    [[nodiscard]] Batch validation_batch(Index i, Index batch_size) const {
        const Index batches = batch_size < 1 ? 0 : ceil_div(validation_windows(), batch_size);
        if (i < 0 || i >= batches) {
            throw Error(ErrorCode::value, "data",
                        "there is no validation batch " + std::to_string(i) + " of " + std::to_string(batch_size) +
                            " windows: " + std::to_string(validation_windows()) + " are held out");
        }
        const Index first = i * batch_size;
        Batch batch = empty_batch(i, std::min(batch_size, validation_windows() - first));
        batch.last_in_chunk = i == batches - 1;
        batch.rows.resize(static_cast<std::size_t>(batch.batch));
        std::iota(batch.rows.begin(), batch.rows.end(), first);
        fill(batch, validation());
        return batch;
    }

    /// Entropy in nats of single tokens over all chunks: the loss of a model that knows frequencies only. Reads
    /// all of the data.
    [[nodiscard]] double unigram_entropy() const {
        const std::vector<double> counts = token_counts();
        const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
        double entropy = 0.0;
        for (double count : counts) {
            if (count > 0.0) entropy -= count / total * std::log(count / total);
        }
        return entropy;
    }

    /// Loss in nats per token of that model on the held-out windows, every count raised by one so that tokens
    /// never seen in training have a probability. NaN if nothing is held out.
    [[nodiscard]] double unigram_cross_entropy() const {
        const std::vector<double> counts = token_counts();
        const double total = std::accumulate(counts.begin(), counts.end(), static_cast<double>(vocabulary_));
        if (!options_.verify) validation().check_values(vocabulary_, static_cast<Index>(sources_.size()));
        double sum = 0.0;
        double tokens = 0.0;
        validation().for_each_token([&](Index id) {
            sum -= std::log((counts[static_cast<std::size_t>(id)] + 1.0) / total);
            tokens += 1.0;
        });
        return sum / tokens;
    }

private:
    static Index positive(const Json& manifest, const char* key, const std::string& where,
                          Index limit = Index{1} << 40) {
        const Index value = get<Index>(manifest, key, where);
        if (value < 1 || value > limit) {
            throw Error(ErrorCode::format, "data", where + ": '" + key + "' is " + std::to_string(value));
        }
        return value;
    }

    void check_hash(const std::string& name, const std::string& expected) const {
        const std::filesystem::path path = directory_ / name;
        const std::string got = sha256_file(path);
        if (got != expected) {
            throw Error(ErrorCode::integrity, "data",
                        path.string() + ": SHA-256 is " + got + ", recorded is " + expected);
        }
    }

    [[nodiscard]] WindowFile open(const std::string& name, Index windows,
                                  const std::map<std::string, std::string>& hashes,
                                  const std::string& where) const {
        const std::filesystem::path path = directory_ / name;
        if (!hashes.contains(name)) {
            throw Error(ErrorCode::integrity, "data", where + ": there is no hash of " + name);
        }
        WindowFile file(path, context_);
        if (file.windows() != windows) {
            throw Error(ErrorCode::shape, "data",
                        path.string() + ": " + std::to_string(file.windows()) + " windows, expected " +
                            std::to_string(windows));
        }
        if (options_.verify) file.check_values(vocabulary_, static_cast<Index>(sources_.size()));
        return file;
    }

    [[nodiscard]] Batch empty_batch(Index step, Index size) const {
        Batch batch;
        batch.step = step;
        batch.batch = size;
        batch.context = context_;
        return batch;
    }

    void fill(Batch& batch, const WindowFile& file) const {
        const auto columns = static_cast<std::size_t>(batch.context) + 1;
        batch.tokens.resize(batch.rows.size() * columns);
        for (std::size_t i = 0; i < batch.rows.size(); ++i)
            file.read(batch.rows[i], batch.tokens.data() + i * columns);
        if (pad_ >= 0) batch.leave_out_padding(pad_);
        if (options_.separate_documents) batch.separate_documents(eos_);
    }

    [[nodiscard]] std::vector<double> token_counts() const {
        std::vector<double> counts(static_cast<std::size_t>(vocabulary_));
        for (const WindowFile& file : chunks_) {
            if (!options_.verify) file.check_values(vocabulary_, static_cast<Index>(sources_.size()));
            file.for_each_token([&](Index id) { counts[static_cast<std::size_t>(id)] += 1.0; });
        }
        return counts;
    }

    std::filesystem::path directory_;
    TokenChunkOptions options_;
    Index context_ = 0;
    Index vocabulary_ = 0;
    std::int32_t eos_ = 0;
    std::int32_t pad_ = -1;  // -1: windows have no padding
    Index windows_per_chunk_ = 0;
    std::vector<std::string> sources_;
    std::vector<WindowFile> chunks_;
    std::vector<WindowFile> validation_;  // one
};

}  // namespace lapidary
