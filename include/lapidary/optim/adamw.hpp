#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/core/moments.hpp>
#include <lapidary/models/training_recipe.hpp>
#include <lapidary/ops/adamw.hpp>
#include <lapidary/optim/update_range.hpp>

#include <cmath>
#include <cstdint>
#include <type_traits>

namespace lapidary {

/// AdamW with decoupled weight decay; the defaults are AMBER's: on every parameter.
/// Source: Loshchilov and Hutter, 2019; equal to torch.optim.AdamW step by step.
struct AdamW {
    template <class D>
    using Moment = std::type_identity_t<MomentView<Accumulator<D>>>;

    double beta1 = 0.9;
    double beta2 = 0.95;
    double epsilon = 1e-8;
    double weight_decay = 0.1;
    Epsilon epsilon_place = Epsilon::after_correction;
    ParameterRules rules{};
    std::uint64_t seed = 0;  ///< of the stochastic rounding of moments that are kept in bf16

    /// As a family was trained: `AdamW::of(model.config().recipe())`.
    static AdamW of(const TrainingRecipe& recipe) {
        return {recipe.beta1,        recipe.beta2,         recipe.epsilon,
                recipe.weight_decay, recipe.epsilon_place, recipe.rules};
    }

    /// Updates flat weights and moments in place. `updates_before`: how many updates came before this one;
    /// `gradient_scale`: multiplies the gradients first (the clipping factor). Throws Error(shape) unless all have
    /// the layout's size.
    template <Device D>
    void update(D& device, const ParameterLayout& layout, std::type_identity_t<MasterWeights<Scalar<D>>> weights,
                ConstView<Accumulator<D>, 1> gradients, Moment<D> m, Moment<D> v, Index updates_before,
                double rate, double gradient_scale) const {
        layout.check_size("adamw", "weights", weights.weights.size());
        update(device, layout, Range{0, layout.size()}, weights, gradients, m, v, updates_before, rate,
               gradient_scale);
    }

    /// The same for a range of the layout: all views have its elements.
    template <Device D>
    void update(D& device, const ParameterLayout& layout, Range range,
                std::type_identity_t<MasterWeights<Scalar<D>>> weights, ConstView<Accumulator<D>, 1> gradients,
                Moment<D> m, Moment<D> v, Index updates_before, double rate, double gradient_scale) const {
        detail::require_range("adamw", range,
                              {{"weights", weights.weights.size()},
                               {"gradients", gradients.size()},
                               {"first moments", m.size()},
                               {"second moments", v.size()}});
        const auto t = static_cast<double>(updates_before + 1);
        const double correction2 = std::sqrt(1 - std::pow(beta2, t));
        detail::for_each_rule_in(range, layout, rules, [&](Range run, double factor, bool decays) {
            const double own_rate = rate * factor;
            AdamWUpdate update{.beta1 = beta1,
                               .beta2 = beta2,
                               .epsilon = epsilon,
                               .decay = decays ? own_rate * weight_decay : 0,
                               .step_size = own_rate / (1 - std::pow(beta1, t)),
                               .inverse_correction2 = 1 / correction2,
                               .gradient_scale = gradient_scale};
            if (epsilon_place == Epsilon::before_correction) {
                update.step_size *= correction2;
                update.inverse_correction2 = 1;
            }
            const auto part = [&](const auto& view) { return view.slice(run.first - range.first, run.count); };
            if (m.narrow.empty()) {
                return adamw(device, part(weights), part(gradients), part(m.wide), part(v.wide), update);
            }
            adamw_narrow(device, part(weights), part(gradients), part(m.narrow), part(v.narrow), update,
                         Philox(seed, "moments", static_cast<std::uint64_t>(updates_before)), run.first);
        });
    }
};

}  // namespace lapidary
