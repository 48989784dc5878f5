#pragma once

#include <lapidary/core/parameters.hpp>
#include <lapidary/ops/elementwise.hpp>

namespace lapidary {

/// Where the gradient of a small parameter is added to: its place or, where parameters are frozen, scratch that
/// nobody reads. (Products with large ones are left out instead.)
template <Device D, std::size_t Rank>
View<Accumulator<D>, Rank> gradient_of(D& device, Gradients<Accumulator<D>> gradients, const Slot<Rank>& slot) {
    if (!gradients.frozen()) return gradients[slot];
    const auto unread = accumulator_scratch(device, slot.shape);
    fill(device, unread.flat(), 0);
    return unread;
}

}  // namespace lapidary
