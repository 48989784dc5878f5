#pragma once

#include <lapidary/train/plan_ranks.hpp>

#include <algorithm>
#include <array>

namespace lapidary {

/// What joins a rank to others.
struct Link {
    double bandwidth = 0;  ///< bytes a second, each way
    double latency = 0;    ///< seconds a message
};

/// Ranks in nodes: fast links inside, slower ones between, a rank's share of each. The model is that of latency
/// and bandwidth: bytes flow over both links at once, and a rank's messages each cost a latency, one after the
/// other. That is an upper bound, because messages to several ranks may be under way at once.
struct Links {
    Index ranks_per_node = 1;
    Link inside{}, between{};

    [[nodiscard]] double seconds(const Flow& flow, int ranks) const {
        if (ranks < 2) return 0;
        const double in_node = static_cast<double>(std::min<Index>(ranks_per_node, ranks) - 1) / (ranks - 1);
        const double outside = 1 - in_node;
        const auto take = [](double share, Index amount,
                             double each) {  // a link that is not used may have any speed
            return share > 0 ? share * static_cast<double>(amount) * each : 0.0;
        };
        const double bytes = std::max(take(in_node, flow.bytes, 1 / inside.bandwidth),
                                      take(outside, flow.bytes, 1 / between.bandwidth));
        return bytes + take(in_node, flow.messages, inside.latency) +
               take(outside, flow.messages, between.latency);
    }
    /// Both ways at once.
    [[nodiscard]] double seconds(const Traffic& traffic, int ranks) const {
        return std::max(seconds(traffic.sent, ranks), seconds(traffic.received, ranks));
    }
};

/// Seconds of a step.
struct StepTime {
    double computation = 0;
    std::array<double, exchange_kinds> exchanges{};
    double hidden = 0;  ///< of the exchanges, beside computation

    [[nodiscard]] double communication() const {
        double total = 0;
        for (const double each : exchanges) total += each;
        return total;
    }
    [[nodiscard]] double one_after_the_other() const { return computation + communication(); }
    [[nodiscard]] double overlapped() const { return computation + communication() - hidden; }
};

/// When a rank's computation takes `computation` seconds, of which the share `backward` is spent in backward
/// passes. Forward hides the weights that ZeRO-3 gathers ahead; backward these too, and the gradients of complete
/// units. The update, whose time is not counted, hides nothing.
inline StepTime time_step(const RankPlan& plan, const Links& links, double computation, double backward) {
    StepTime time;
    time.computation = computation;
    for (std::size_t i = 0; i < exchange_kinds; ++i)
        time.exchanges[i] = links.seconds(plan.traffic[i].all, plan.ranks);
    const auto ahead = [&](Exchange kind) {
        return links.seconds(plan.of(kind).all, plan.ranks) - links.seconds(plan.of(kind).waited_for, plan.ranks);
    };
    const double in_forward = std::min(ahead(Exchange::weights_forward), computation * (1 - backward));
    const double passes = computation * backward;
    const double in_backward = std::min(ahead(Exchange::weights_backward), passes);
    const double reduced = std::min(ahead(Exchange::gradients_reduced) + ahead(Exchange::gradients_gathered),
                                    (passes - in_backward) * plan.reducing);
    time.hidden = in_forward + in_backward + reduced;
    return time;
}

}  // namespace lapidary
