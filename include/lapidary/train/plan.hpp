#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/core/parameters.hpp>
#include <lapidary/models/tuned_model.hpp>
#include <lapidary/nn/recompute.hpp>
#include <lapidary/ops/check.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lapidary {

/// A device that counts instead of computing (`Counting`, `BasicCounting<bf16>`).
template <class D>
concept CountingDevice = Device<D> && requires(D& device) { device.count().total(); };

/// What one training step of a model takes.
struct StepPlan {
    Index parameters = 0;            ///< padding not counted
    Index flat_size = 0;             ///< elements of a flat vector: of the weights, the gradients, each moment
    Index lane_buffers = 0;          ///< further gradients, for the tree over lanes
    std::size_t activations = 0;     ///< bytes, in the device's element types, at the peak of one micro-batch
    double products_per_token = 0;   ///< floating-point operations: 6 for each weight of a product, 4 for one that
                                     ///< stays as it is, more if recomputed
    double attention_per_token = 0;  ///< of the positions a token sees
    double forward_per_token = 0;    ///< of both, what the loss alone takes
    Index frozen = 0;                ///< elements of weights beside those that are trained

    [[nodiscard]] double operations_per_token() const { return products_per_token + attention_per_token; }
};

/// Runs forward and backward of one micro-batch of `micro_batch` sequences of `context` tokens on a counting
/// device: the figures are those of the code that trains, not of a formula. Throws Error(shape) for more tokens
/// than the model's context, Error(memory) where even the address space does not suffice.
template <CountingDevice D, class Model>
StepPlan plan_step(D& device, const Model& model, Index micro_batch, Index context, Index lanes = 1) {
    detail::require_shape(
        micro_batch >= 1 && lanes >= 1 && std::has_single_bit(static_cast<std::uint64_t>(lanes)), "plan", [&] {
            return "micro-batch " + std::to_string(micro_batch) + ", lanes " + std::to_string(lanes) +
                   ": the first must be positive, the second a power of two";
        });
    ScratchScope scope(device.scratch());
    const auto weights = scratch(device, Shape<1>{model.layout().size()});
    const auto gradients = accumulator_scratch(device, Shape<1>{model.layout().size()});
    const std::size_t mark = device.scratch().used();
    const auto ids = device.scratch().template allocate<std::int32_t, 2>({micro_batch, context});
    std::vector<double> losses(static_cast<std::size_t>(micro_batch));
    const auto start = device.count();
    model.loss(device, Weights<Scalar<D>>(weights), ids, ids, std::span<double>(losses));
    const auto before = device.count();
    device.scratch().restart_peak();
    model.loss_and_gradients(device, Weights<Scalar<D>>(weights), ids, ids, 1.0, losses,
                             Gradients<Accumulator<D>>(gradients));
    const double tokens = static_cast<double>(micro_batch) * static_cast<double>(context);
    return {.parameters = model.layout().parameter_count(),
            .flat_size = model.layout().size(),
            .lane_buffers = std::countr_zero(static_cast<std::uint64_t>(lanes)),
            .activations = device.scratch().peak() - mark,
            .products_per_token = (device.count().products - before.products) / tokens,
            .attention_per_token = (device.count().attention - before.attention) / tokens,
            .forward_per_token = (before.total() - start.total()) / tokens};
}

/// The most bytes that `loss` needs for so many sequences at once: what `validation_loss` takes of a rank.
template <CountingDevice D, class Model>
std::size_t plan_loss(D& device, const Model& model, Index sequences, Index context) {
    ScratchScope scope(device.scratch());
    const auto weights = scratch(device, Shape<1>{model.layout().size()});
    const std::size_t mark = device.scratch().used();
    device.scratch().restart_peak();
    const auto ids = device.scratch().template allocate<std::int32_t, 2>({sequences, context});
    std::vector<double> losses(static_cast<std::size_t>(sequences));
    model.loss(device, Weights<Scalar<D>>(weights), ids, ids, losses);
    return device.scratch().peak() - mark;
}

/// As `plan_step` of a step on preferences, which keeps all logits: of a model, or of what of it is trained. The
/// weights of the reference, if they are not those of adapters' base, come on top.
template <CountingDevice D, class Model>
std::size_t plan_preferences(D& device, const Model& model, Index sequences, Index context) {
    ScratchScope scope(device.scratch());
    const auto weights = scratch(device, Shape<1>{model.layout().size()});
    const auto gradients = accumulator_scratch(device, Shape<1>{model.layout().size()});
    const std::size_t mark = device.scratch().used();
    const auto ids = device.scratch().template allocate<std::int32_t, 2>({sequences, context});
    const auto losses = accumulator_scratch(device, Shape<2>{sequences, context});
    device.scratch().restart_peak();
    const auto weigh = [](std::span<const double> sums) { return std::vector<double>(sums.size(), 1.0); };
    model.weighted_gradients(device, Weights<Scalar<D>>(weights), ids, ids, weigh, losses,
                             Gradients<Accumulator<D>>(gradients));
    return device.scratch().peak() - mark;
}

/// A step at one level of recomputation.
struct LevelPlan {
    Recompute level = Recompute::nothing;
    StepPlan step;
};

/// `plan_step` of a model's adapters alone, over weights that stay as they are.
template <CountingDevice D, class Model>
StepPlan plan_adapters(D& device, const Model& model, Index micro_batch, Index context, Index lanes = 1) {
    ScratchScope scope(device.scratch());
    const auto base = scratch(device, Shape<1>{model.layout().size()});
    StepPlan plan = plan_step(device, TunedModel<Model, D>(model, base), micro_batch, context, lanes);
    plan.frozen = base.size();
    return plan;
}

/// `plan_step` at every level that the model's blocks have, from the cheapest to the one that keeps least;
/// `plan_adapters` where there are adapters.
template <class Model, CountingDevice D>
std::vector<LevelPlan> plan_levels(D& device, const typename Model::Config& config, Index micro_batch,
                                   Index context, Index lanes = 1, const AdapterPlan& adapters = {}) {
    std::vector<LevelPlan> plans;
    for (const Recompute level : recompute_levels) {
        if (level != Recompute::nothing && !Model::takes_recompute) break;
        const Model model(config, level, adapters);
        plans.push_back({level, adapters.empty() ? plan_step(device, model, micro_batch, context, lanes)
                                                 : plan_adapters(device, model, micro_batch, context, lanes)});
    }
    return plans;
}

/// The cheapest level whose activations fit into so many bytes; null: none does.
inline const LevelPlan* cheapest_that_fits(const std::vector<LevelPlan>& plans, double bytes) {
    for (const LevelPlan& plan : plans) {
        if (static_cast<double>(plan.step.activations) <= bytes) return &plan;
    }
    return nullptr;
}

}  // namespace lapidary
