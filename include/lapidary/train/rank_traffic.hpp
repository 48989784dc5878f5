#pragma once

#include <lapidary/core/range.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace lapidary {

/// What ranks exchange in a step, and for what.
enum class Exchange {
    gradients_reduced,   ///< each rank gets the sum of its part
    gradients_gathered,  ///< ZeRO-0: and all get all sums
    weights_updated,     ///< ZeRO-1 and 2: after each rank has updated its part
    weights_forward,     ///< ZeRO-3: the units that forward uses, and
    weights_backward,    ///< those that backward does not find where they were
    losses,              ///< one number a lane, and one for the batch
    norm,                ///< one number for each `reduction_block` gradients
    stop,                ///< whether a signal asks any rank to stop
};
inline constexpr std::array<std::string_view, 8> exchange_names{"gradients_reduced",
                                                                "gradients_gathered",
                                                                "weights_updated",
                                                                "weights_forward",
                                                                "weights_backward",
                                                                "losses",
                                                                "norm",
                                                                "stop"};
inline constexpr std::size_t exchange_kinds = exchange_names.size();

/// What goes over a link one way.
struct Flow {
    Index bytes = 0, messages = 0;

    Flow& operator+=(const Flow& other) {
        bytes += other.bytes;
        messages += other.messages;
        return *this;
    }
    friend bool operator==(const Flow&, const Flow&) = default;
};

/// What one rank exchanges with the others.
struct Traffic {
    Flow sent, received;

    Traffic& operator+=(const Traffic& other) {
        sent += other.sent;
        received += other.received;
        return *this;
    }
    friend bool operator==(const Traffic&, const Traffic&) = default;
};

/// That of a step, of one kind.
struct RankTraffic {
    Traffic all;
    Traffic waited_for;  ///< of it: what no computation runs beside

    void add(const Traffic& traffic, bool waits) {
        all += traffic;
        if (waits) waited_for += traffic;
    }
};

namespace detail {

/// Of the first rank in an `all_gather`.
inline Traffic gather_traffic(std::span<const Range> parts, Index element_bytes) {
    Traffic traffic;
    for (const Range& theirs : parts.subspan(1)) {
        if (parts[0].count > 0) traffic.sent += {parts[0].count * element_bytes, 1};
        if (theirs.count > 0) traffic.received += {theirs.count * element_bytes, 1};
    }
    return traffic;
}

/// Of the first rank in a `reduce_scatter` by pieces.
inline Traffic reduce_traffic(std::span<const Range> parts, Index element_bytes, Index piece) {
    Traffic traffic;
    for (const Range& theirs : parts.subspan(1)) {
        traffic.sent += {theirs.count * element_bytes, ceil_div(theirs.count, piece)};
        traffic.received += {parts[0].count * element_bytes, ceil_div(parts[0].count, piece)};
    }
    return traffic;
}

}  // namespace detail

}  // namespace lapidary
