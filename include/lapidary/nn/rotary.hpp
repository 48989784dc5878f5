#pragma once

#include <lapidary/nn/check_options.hpp>
#include <lapidary/nn/position_scheme.hpp>
#include <lapidary/ops/rotary.hpp>

namespace lapidary {

/// Tells attention where tokens are by rotating queries and keys, or the first elements of each.
class Rotary {
public:
    struct Options {
        Index size = 0;  ///< rotated elements of a head, from its first on; even
        double theta = 10000.0;
        Pairing pairing = Pairing::halves;
    };

    explicit Rotary(const Options& options) : options_(options) {
        detail::require_extent("rotary", "size", options.size);
        detail::require_option(options.size % 2 == 0, "rotary", "size", options.size, "be even");
        detail::require_theta("rotary", "theta", options.theta);
    }

    /// Turns queries and keys in place, which stand at `positions`.
    template <Device D>
    void apply(D& device, Heads<Scalar<D>> q, Heads<Scalar<D>> k, const Positions& positions) const {
        turn(device, q, k, positions, false);
    }

    /// Turns the gradients of rotated queries and keys into those of the unrotated ones, in place.
    template <Device D>
    void gradient(D& device, Heads<Scalar<D>> dq, Heads<Scalar<D>> dk, const Positions& positions) const {
        turn(device, dq, dk, positions, true);
    }

    /// Rotation is all: scores are formed as without it.
    [[nodiscard]] AttentionRule adjust(const AttentionRule& rule) const { return rule; }

private:
    template <Device D>
    void turn(D& device, Heads<Scalar<D>> q, Heads<Scalar<D>> k, const Positions& positions, bool inverse) const {
        const Rotation rotation{options_.size, options_.theta, options_.pairing, inverse};
        rotary(device, q, positions, rotation);
        rotary(device, k, positions, rotation);
    }

    Options options_;
};
static_assert(PositionScheme<Rotary>);

}  // namespace lapidary
