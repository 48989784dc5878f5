#pragma once

#include <lapidary/io/json.hpp>
#include <lapidary/optim/adamw.hpp>
#include <lapidary/optim/rmsprop.hpp>
#include <lapidary/optim/train_state.hpp>

#include <type_traits>
#include <variant>

namespace lapidary {

/// An optimizer that is chosen when the program runs.
class AnyOptimizer {
public:
    AnyOptimizer(const AdamW& adamw) : optimizer_(adamw) {}        // NOLINT: any of them is one
    AnyOptimizer(const RmsProp& rmsprop) : optimizer_(rmsprop) {}  // NOLINT: any of them is one

    template <class D>
    using Moment = std::type_identity_t<MomentView<Accumulator<D>>>;

    /// As those of the optimizer that it is.
    template <Device D>
    void update(D& device, const ParameterLayout& layout, std::type_identity_t<MasterWeights<Scalar<D>>> weights,
                ConstView<Accumulator<D>, 1> gradients, Moment<D> m, Moment<D> v, Index updates_before,
                double rate, double gradient_scale) const {
        update(device, layout, Range{0, layout.size()}, weights, gradients, m, v, updates_before, rate,
               gradient_scale);
    }
    template <Device D>
    void update(D& device, const ParameterLayout& layout, Range range,
                std::type_identity_t<MasterWeights<Scalar<D>>> weights, ConstView<Accumulator<D>, 1> gradients,
                Moment<D> m, Moment<D> v, Index updates_before, double rate, double gradient_scale) const {
        std::visit(
            [&](const auto& own) {
                own.update(device, layout, range, weights, gradients, m, v, updates_before, rate, gradient_scale);
            },
            optimizer_);
    }
    /// What its state has to keep.
    [[nodiscard]] Moments moments() const {
        return std::visit(
            Each{[](const AdamW&) { return Moments::full; }, [](const RmsProp&) { return Moments::second; }},
            optimizer_);
    }
    /// With other rules for biases, norms and matrices.
    [[nodiscard]] AnyOptimizer with_rules(const ParameterRules& rules) const {
        AnyOptimizer changed = *this;
        std::visit([&](auto& own) { own.rules = rules; }, changed.optimizer_);
        return changed;
    }
    [[nodiscard]] AnyOptimizer with_weight_decay(double decay) const {
        AnyOptimizer changed = *this;
        std::visit([&](auto& own) { own.weight_decay = decay; }, changed.optimizer_);
        return changed;
    }
    /// Its numbers, for a manifest: all that decides the bits of moments in full precision.
    [[nodiscard]] Json json() const {
        const ParameterRules rules = std::visit([](const auto& own) { return own.rules; }, optimizer_);
        Json json = numbers();
        json["rules"] = {{"matrix_rate", rules.matrix_rate},
                         {"bias_rate", rules.bias_rate},
                         {"decay_biases", rules.decay_biases},
                         {"decay_norms", rules.decay_norms}};
        return json;
    }

private:
    template <class... Functions>
    struct Each : Functions... {
        using Functions::operator()...;
    };

    [[nodiscard]] Json numbers() const {
        return std::visit(
            Each{[](const AdamW& own) {
                     return Json{{"name", "adamw"},
                                 {"beta1", own.beta1},
                                 {"beta2", own.beta2},
                                 {"epsilon", own.epsilon},
                                 {"epsilon_before_correction", own.epsilon_place == Epsilon::before_correction},
                                 {"weight_decay", own.weight_decay}};
                 },
                 [](const RmsProp& own) {
                     return Json{{"name", "rmsprop"},
                                 {"decay", own.decay},
                                 {"epsilon", own.epsilon},
                                 {"weight_decay", own.weight_decay}};
                 }},
            optimizer_);
    }

    std::variant<AdamW, RmsProp> optimizer_;
};

}  // namespace lapidary
