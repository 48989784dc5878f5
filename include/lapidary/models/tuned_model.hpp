#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/core/parameters.hpp>
#include <lapidary/models/adapters.hpp>
#include <lapidary/models/model_files.hpp>
#include <lapidary/models/peft_config.hpp>
#include <lapidary/nn/key_value_cache.hpp>
#include <lapidary/nn/sequences.hpp>

#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// What of a model is trained: all of it, or its adapters alone over weights that stay as they are. It is used as
/// a model whose parameters are those that are trained, so one loop, one checkpoint, one way to share out work
/// serve both. It keeps no weights: the model and the base must outlive it. Each rank has the whole base.
template <class Model, Device D>
class TunedModel {
public:
    using Config = typename Model::Config;

    /// All of the model.
    explicit TunedModel(const Model& model) : model_(model) {}
    /// The model's adapters; `base`: all its other weights, a flat vector of its layout; `base_name`: what files
    /// of the adapters call the model that they are for. Throws Error(value) for a model without adapters,
    /// Error(shape) for a base of another size, Error(unsupported) for adapters that no file could hold.
    TunedModel(const Model& model, ConstView<Scalar<D>, 1> base, std::string base_name = {})
        : model_(model), base_(base), base_name_(std::move(base_name)) {
        if (model.layout().adapters() == nullptr) {
            throw Error(ErrorCode::value, "tuned_model",
                        "the model has no adapters: make it with an AdapterPlan (adapter_plan)");
        }
        model.layout().check_size("tuned_model", "the weights of the base", base.size());
        if constexpr (HuggingFaceConfig<Config>) (void)adapter_tensors(model.config(), model.layout().plan());
    }

    explicit TunedModel(const Model&&) = delete;  // it keeps no model
    TunedModel(const Model&&, ConstView<Scalar<D>, 1>, std::string = {}) = delete;

    [[nodiscard]] bool adapters_alone() const { return !base_.empty(); }
    /// Of what is trained.
    [[nodiscard]] const ParameterLayout& layout() const {
        return adapters_alone() ? *model_.layout().adapters() : model_.layout();
    }
    [[nodiscard]] const Model& model() const { return model_; }
    [[nodiscard]] const Config& config() const { return model_.config(); }
    [[nodiscard]] const auto& options() const { return model_.options(); }
    [[nodiscard]] Index vocabulary() const { return model_.vocabulary(); }
    [[nodiscard]] Index context() const { return model_.context(); }
    [[nodiscard]] Shape<4> cache_shape(Index batch, Index time) const { return model_.cache_shape(batch, time); }

    // As those of `Decoder`, `weights` and `gradients` being of what is trained.

    template <class... Arguments>
    void logits(D& device, Weights<Scalar<D>> weights, Arguments&&... arguments) const {
        with(weights,
             [&](Weights<Scalar<D>> all) { model_.logits(device, all, std::forward<Arguments>(arguments)...); });
    }
    template <class... Arguments>
    void next_logits(D& device, Weights<Scalar<D>> weights, Arguments&&... arguments) const {
        with(weights, [&](Weights<Scalar<D>> all) {
            model_.next_logits(device, all, std::forward<Arguments>(arguments)...);
        });
    }
    template <class... Arguments>
    void visit_logits(D& device, Weights<Scalar<D>> weights, Arguments&&... arguments) const {
        with(weights, [&](Weights<Scalar<D>> all) {
            model_.visit_logits(device, all, std::forward<Arguments>(arguments)...);
        });
    }
    template <class... Arguments>
    void visit_states(D& device, Weights<Scalar<D>> weights, Arguments&&... arguments) const {
        with(weights, [&](Weights<Scalar<D>> all) {
            model_.visit_states(device, all, std::forward<Arguments>(arguments)...);
        });
    }
    template <class Losses>
    void loss(D& device, Weights<Scalar<D>> weights, const Sequences& inputs, ConstView<std::int32_t, 2> targets,
              Losses&& losses) const {
        with(weights, [&](Weights<Scalar<D>> all) { model_.loss(device, all, inputs, targets, losses); });
    }
    template <class Losses>
    void loss_and_gradients(D& device, Weights<Scalar<D>> weights, const Sequences& inputs,
                            ConstView<std::int32_t, 2> targets, double scale, Losses&& losses,
                            Gradients<Accumulator<D>> gradients) const {
        with(weights, [&](Weights<Scalar<D>> all) {
            with(gradients, [&](Gradients<Accumulator<D>> wanted) {
                model_.loss_and_gradients(device, all, inputs, targets, scale, losses, wanted);
            });
        });
    }
    template <class Weigh>
    void weighted_gradients(D& device, Weights<Scalar<D>> weights, const Sequences& inputs,
                            ConstView<std::int32_t, 2> targets, Weigh&& weigh, View<Accumulator<D>, 2> losses,
                            Gradients<Accumulator<D>> gradients) const {
        with(weights, [&](Weights<Scalar<D>> all) {
            with(gradients, [&](Gradients<Accumulator<D>> wanted) {
                model_.weighted_gradients(device, all, inputs, targets, weigh, losses, wanted);
            });
        });
    }

    /// What files have of it: the tensors, and what says in JSON how to read them.
    [[nodiscard]] ModelFiles files() const {
        if (!adapters_alone()) return files_of(model_);
        const AdapterPlan& plan = model_.layout().plan();
        return {"adapter_model.safetensors", "adapter_config.json", peft_config(config(), plan, base_name_),
                adapter_tensors(config(), plan), &Config::ignores};
    }

    /// Throws Error(format) naming the file unless a directory's adapters are of the rank and the scale that these
    /// have: no tensor's shape tells.
    void check_files(const std::filesystem::path& directory) const {
        if (adapters_alone()) require_adapters(directory, model_.layout().plan());
    }

private:
    /// The base, or nothing in place of its gradients, beside adapters that come unit by unit.
    template <class T>
    struct Both final : UnitSource<T> {
        View<T, 1> base;
        Index all;
        Parameters<T> adapters;

        Both(View<T, 1> weights, Index size, Parameters<T> units) : base(weights), all(size), adapters(units) {}
        Parameters<T> open(Index unit) override {
            const Parameters<T> part = adapters.open(unit);
            return Parameters<T>(base).with_adapters(part.flat, part.first);
        }
        void close(Index unit) override { adapters.close(unit); }
        [[nodiscard]] Index size() const override { return all; }
    };

    template <class T, class Work>
    void with(Parameters<T> trained, Work&& work) const {
        if (!adapters_alone()) return work(trained);
        layout().check_size("tuned_model", "adapters", trained.size());
        View<T, 1> base;
        if constexpr (std::is_const_v<T>) base = base_;
        Both<T> both(base, model_.layout().size(), trained);
        work(Parameters<T>(both));
    }

    const Model& model_;
    ConstView<Scalar<D>, 1> base_;
    std::string base_name_;
};

}  // namespace lapidary
