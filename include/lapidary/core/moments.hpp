#pragma once

#include <lapidary/core/bf16.hpp>
#include <lapidary/core/view.hpp>

#include <type_traits>

namespace lapidary {

/// A moment of an optimizer: in accumulators of type A, or in bf16, half the memory. The other view is empty; of a
/// moment that is not kept both are. `A` may be const.
template <class A>
struct MomentView {
    using Narrow = std::conditional_t<std::is_const_v<A>, const bf16, bf16>;

    View<A, 1> wide{};
    View<Narrow, 1> narrow{};

    MomentView() = default;
    MomentView(View<A, 1> vector) : wide(vector) {}         // NOLINT: a flat vector is what a moment is
    MomentView(View<Narrow, 1> vector) : narrow(vector) {}  // NOLINT: the same

    [[nodiscard]] Index size() const { return wide.size() + narrow.size(); }
    [[nodiscard]] MomentView slice(Index first, Index count) const {
        if (size() == 0) return {};
        if (narrow.empty()) return wide.slice(first, count);
        return narrow.slice(first, count);
    }
};

}  // namespace lapidary
