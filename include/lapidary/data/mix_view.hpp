#pragma once

#include <lapidary/data/mix.hpp>

#include <range/v3/view/iota.hpp>
#include <range/v3/view/transform.hpp>

namespace lapidary {

/// The samples of a chunk, row by row, as a range-v3 view of random access; the mix must outlive it:
///
///     for (Mix::Sample sample : samples_in(mix, chunk)) ...
///
/// Throws Error(value), on access, if there is no such chunk.
inline auto samples_in(const Mix& mix, Index chunk) {
    return ranges::views::iota(Index{0}, mix.windows_per_chunk()) |
           ranges::views::transform([&mix, chunk](Index row) { return mix.at(chunk, row); });
}

}  // namespace lapidary
