#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/core/moments.hpp>
#include <lapidary/ops/rmsprop.hpp>
#include <lapidary/optim/update_range.hpp>

#include <type_traits>

namespace lapidary {

/// RMSprop; equal to torch.optim.RMSprop step by step, whose defaults these are, without momentum and not centred.
/// It keeps the second moment alone: make its state with `Moments::second`. Weight decay is added to the gradient,
/// after clipping. Source: Tieleman and Hinton, "Lecture 6.5: rmsprop", 2012.
struct RmsProp {
    template <class D>
    using Moment = std::type_identity_t<MomentView<Accumulator<D>>>;

    double decay = 0.99;  ///< of the second moment, from one update to the next
    double epsilon = 1e-8;
    double weight_decay = 0.0;
    ParameterRules rules{};

    /// Updates flat weights and the second moment in place; the first is not looked at, and may be empty.
    /// `gradient_scale`: multiplies the gradients first (the clipping factor). Throws Error(shape) unless all have
    /// the layout's size, Error(unsupported) for a moment in bf16.
    template <Device D>
    void update(D& device, const ParameterLayout& layout, std::type_identity_t<MasterWeights<Scalar<D>>> weights,
                ConstView<Accumulator<D>, 1> gradients, Moment<D> m, Moment<D> v, Index updates_before,
                double rate, double gradient_scale) const {
        layout.check_size("rmsprop", "weights", weights.weights.size());
        update(device, layout, Range{0, layout.size()}, weights, gradients, m, v, updates_before, rate,
               gradient_scale);
    }

    /// The same for a range of the layout: all views have its elements.
    template <Device D>
    void update(D& device, const ParameterLayout& layout, Range range,
                std::type_identity_t<MasterWeights<Scalar<D>>> weights, ConstView<Accumulator<D>, 1> gradients,
                Moment<D> /*m*/, Moment<D> v, Index /*updates_before*/, double rate, double gradient_scale) const {
        detail::require_range(
            "rmsprop", range,
            {{"weights", weights.weights.size()}, {"gradients", gradients.size()}, {"second moments", v.size()}});
        if (!v.narrow.empty()) {
            throw Error(ErrorCode::unsupported, "rmsprop",
                        "its moment is kept in full precision: make the state with Moments::second");
        }
        detail::for_each_rule_in(range, layout, rules, [&](Range run, double factor, bool decays) {
            const auto part = [&](const auto& view) { return view.slice(run.first - range.first, run.count); };
            rmsprop(device, part(weights), part(gradients), part(v.wide),
                    {.decay = decay,
                     .epsilon = epsilon,
                     .rate = rate * factor,
                     .gradient_scale = gradient_scale,
                     .weight_decay = decays ? weight_decay : 0});
        });
    }
};

}  // namespace lapidary
