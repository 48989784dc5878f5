#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/permutation.hpp>
#include <lapidary/data/token_chunks.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lapidary {

/// How sequences are drawn for measuring memorization. LLM360 and Pythia took 32 and 32 tokens.
struct MemorizationSampleOptions {
    Index prefix = 32;        ///< k: tokens that a model is given
    Index continuation = 32;  ///< l: tokens that it should go on with
    Index sequences = 1000;   ///< of each chunk; all of its windows, if there are fewer
    std::uint64_t seed = 42;
};

/// A window that was drawn.
struct SampledWindow {
    Index chunk = 0;
    Index row = 0;
    Index source = 0;  ///< index into the sources of the data
    friend bool operator==(const SampledWindow&, const SampledWindow&) = default;
};

/// The rows that are drawn of a chunk of so many windows, in ascending order: a pure function of (windows, count,
/// seed, chunk), and of all the rows of a smaller count. All of them if there are no more.
inline std::vector<Index> sampled_rows(Index windows, Index count, std::uint64_t seed, Index chunk) {
    const Permutation order(windows, seed, static_cast<std::uint64_t>(chunk), "memorization");
    std::vector<Index> rows;
    for (Index i = 0; i < std::min(windows, count); ++i) rows.push_back(order(i));
    std::sort(rows.begin(), rows.end());
    return rows;
}

/// What memorization is measured on: the first k + l tokens of windows drawn from chunks, as they lie in the
/// files; they may start within a document and run over the end of one.
struct MemorizationSample {
    Index prefix = 0, continuation = 0;
    std::vector<Index> chunks;           ///< in the order they were asked for
    std::vector<SampledWindow> windows;  ///< chunk by chunk
    std::vector<TokenId> tokens;         ///< [windows, prefix + continuation]

    [[nodiscard]] Index size() const { return static_cast<Index>(windows.size()); }
    [[nodiscard]] Index length() const { return prefix + continuation; }
    [[nodiscard]] std::span<const TokenId> sequence(Index i) const {
        return std::span(tokens).subspan(static_cast<std::size_t>(i * length()),
                                         static_cast<std::size_t>(length()));
    }
    [[nodiscard]] std::span<const TokenId> prompt(Index i) const {
        return sequence(i).first(static_cast<std::size_t>(prefix));
    }
    /// What follows the prompt in the data.
    [[nodiscard]] std::span<const TokenId> truth(Index i) const {
        return sequence(i).last(static_cast<std::size_t>(continuation));
    }
};

/// Draws sequences from chunks. Throws Error(value) for no chunk, a chunk that is not there or named twice, counts
/// below 1, and windows shorter than k + l tokens.
inline MemorizationSample draw_memorization_sample(const TokenChunks& data, std::span<const Index> chunks,
                                                   const MemorizationSampleOptions& options = {}) {
    const auto refuse = [](const std::string& why) { throw Error(ErrorCode::value, "memorization", why); };
    if (chunks.empty()) refuse("there are no chunks to draw from");
    if (options.prefix < 1 || options.continuation < 1 || options.sequences < 1) {
        refuse("prefix, continuation and sequences must be at least 1, not " + std::to_string(options.prefix) +
               ", " + std::to_string(options.continuation) + " and " + std::to_string(options.sequences));
    }
    const Index columns = data.context() + 1;
    if (options.prefix > columns || options.continuation > columns - options.prefix) {
        refuse(data.directory().string() + ": windows have " + std::to_string(columns) + " tokens, fewer than " +
               std::to_string(options.prefix) + " and " + std::to_string(options.continuation) + " more");
    }
    MemorizationSample sample{options.prefix, options.continuation, {}, {}, {}};
    std::vector<TokenId> window(static_cast<std::size_t>(columns));
    for (const Index chunk : chunks) {
        if (std::find(sample.chunks.begin(), sample.chunks.end(), chunk) != sample.chunks.end()) {
            refuse("chunk " + std::to_string(chunk) + " is named twice");
        }
        sample.chunks.push_back(chunk);
        const WindowFile& file = data.chunk(chunk);
        for (const Index row : sampled_rows(file.windows(), options.sequences, options.seed, chunk)) {
            file.read(row, window.data());
            sample.windows.push_back({chunk, row, file.origin(row).source});
            sample.tokens.insert(sample.tokens.end(), window.begin(), window.begin() + sample.length());
        }
    }
    return sample;
}

}  // namespace lapidary
