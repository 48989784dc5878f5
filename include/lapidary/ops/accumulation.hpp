#pragma once

#include <lapidary/core/shape.hpp>

#include <algorithm>

namespace lapidary {

/// Whether an operation overwrites its result or adds to it.
enum class Store { assign, add };

/// The written order of two kinds of sums on the fast devices: over the inner axis of products, and over tokens in
/// the gradients of matrices and gains.
///
/// The axis is cut into blocks of `accumulation_block` terms; a block is summed on its own, starting from zero,
/// and block sums are added to the result in order. Sums over tokens start a new block at the start of each
/// sequence, so a gradient does not depend on how many sequences a micro-batch holds.
///
/// Other sums state their order where they are declared (`sum`, `embedding_gradient`, `attention_gradient`). Sums
/// within one row (the mean of a norm, the denominator of a softmax) have one order for each width. Nothing
/// depends on the number of threads or on the machine's vectors.
inline constexpr Index accumulation_block = 256;

/// Calls `visit(first, count)` for the blocks of `length` terms made of segments (sequences) of `segment` terms.
template <class Visit>
void for_each_block(Index length, Index segment, Visit&& visit) {
    for (Index start = 0; start < length; start += segment) {
        const Index end = std::min(start + segment, length);
        for (Index first = start; first < end; first += accumulation_block) {
            visit(first, std::min(accumulation_block, end - first));
        }
    }
}

}  // namespace lapidary
