#pragma once

#include <lapidary/data/batch.hpp>
#include <lapidary/train/sequence_batch.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace lapidary {

/// Throws Error(value) naming the first start of a document that is neither its own position nor the start before.
inline void check_starts(ConstView<std::int32_t, 2> starts) {
    for (Index b = 0; b < starts.extent(0); ++b) {
        for (Index t = 0; t < starts.extent(1); ++t) {
            const Index start = starts.at(b)[t], before = t > 0 ? starts.at(b)[t - 1] : 0;
            if (start == t || start == before) continue;
            throw Error(ErrorCode::value, "batch",
                        "start " + std::to_string(start) + " in sequence " + std::to_string(b) + " at position " +
                            std::to_string(t) + ": a document begins there or, as for the position before, at " +
                            std::to_string(before));
        }
    }
}

/// Throws Error(shape) unless a batch has as many tokens as it says, Error(value) for one outside the vocabulary
/// or for a document that begins where none can.
inline void check_batch(const Batch& batch, Index vocabulary) {
    detail::require_shape(batch.batch > 0 && batch.context > 0, "batch", [&] {
        return std::to_string(batch.batch) + " sequences of " + std::to_string(batch.context) + " tokens";
    });
    const auto require = [&](const char* what, std::size_t got, Index row) {
        detail::require_shape(got == static_cast<std::size_t>(batch.batch * row), "batch", [&] {
            return std::string(what) + " has " + std::to_string(got) + " elements, but " +
                   std::to_string(batch.batch) + " sequences of context " + std::to_string(batch.context) +
                   " take " + std::to_string(batch.batch) + " x " + std::to_string(row);
        });
    };
    require("tokens", batch.tokens.size(), batch.context + 1);
    if (!batch.mask.empty()) require("mask", batch.mask.size(), batch.context);
    if (!batch.starts.empty()) require("starts", batch.starts.size(), batch.context);
    check_tokens(batch.view(), vocabulary);
    check_starts(batch.starts_view());
}

/// A number that tells batches apart: of all tokens, the mask and the starts, in order.
inline std::uint64_t batch_hash(const Batch& batch) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    const auto add = [&](std::uint64_t value) {
        hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    };
    for (const std::int32_t token : batch.tokens) add(static_cast<std::uint32_t>(token));
    for (const std::uint8_t counted : batch.mask) add(counted);
    for (const std::int32_t start : batch.starts) add(static_cast<std::uint32_t>(start));
    return hash;
}

}  // namespace lapidary
