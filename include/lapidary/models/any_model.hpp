#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/core/parameters.hpp>
#include <lapidary/models/model_files.hpp>
#include <lapidary/nn/sequences.hpp>
#include <lapidary/ops/reduce.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace lapidary {

/// A model whose type is chosen when the program runs, as far as training asks it for something: steps, losses and
/// checkpoints of it are compiled once, not once for each family. It computes what the model computes, to the bit,
/// and costs a virtual call a pass. Copies share the model.
template <Device D>
class AnyModel {
    using Element = Scalar<D>;
    using Sum = Accumulator<D>;
    using Targets = ConstView<std::int32_t, 2>;
    using Weigh = std::function<std::vector<double>(std::span<const double>)>;

    struct Interface {
        virtual ~Interface() = default;
        [[nodiscard]] virtual const ParameterLayout& layout() const = 0;
        [[nodiscard]] virtual Index vocabulary() const = 0;
        [[nodiscard]] virtual Index context() const = 0;
        [[nodiscard]] virtual ModelFiles files() const = 0;
        virtual void check_files(const std::filesystem::path&) const = 0;
        virtual void loss(D&, Weights<Element>, const Sequences&, Targets, View<Sum, 2>) const = 0;
        virtual void gradients(D&, Weights<Element>, const Sequences&, Targets, double, View<Sum, 2>,
                               Gradients<Sum>) const = 0;
        virtual void gradients(D&, Weights<Element>, const Sequences&, Targets, const Weigh&, View<Sum, 2>,
                               Gradients<Sum>) const = 0;
    };

    template <class Model>
    struct Own final : Interface {
        explicit Own(Model own) : model(std::move(own)) {}
        [[nodiscard]] const ParameterLayout& layout() const override { return model.layout(); }
        [[nodiscard]] Index vocabulary() const override { return model.vocabulary(); }
        [[nodiscard]] Index context() const override { return model.context(); }
        [[nodiscard]] ModelFiles files() const override { return files_of(model); }
        void check_files(const std::filesystem::path& directory) const override {
            if constexpr (requires { model.check_files(directory); }) model.check_files(directory);
        }
        void loss(D& device, Weights<Element> weights, const Sequences& inputs, Targets targets,
                  View<Sum, 2> losses) const override {
            model.loss(device, weights, inputs, targets, losses);
        }
        void gradients(D& device, Weights<Element> weights, const Sequences& inputs, Targets targets, double scale,
                       View<Sum, 2> losses, Gradients<Sum> gradients) const override {
            model.loss_and_gradients(device, weights, inputs, targets, scale, losses, gradients);
        }
        void gradients(D& device, Weights<Element> weights, const Sequences& inputs, Targets targets,
                       const Weigh& weigh, View<Sum, 2> losses, Gradients<Sum> gradients) const override {
            model.weighted_gradients(device, weights, inputs, targets, weigh, losses, gradients);
        }
        Model model;
    };

public:
    /// What `model` refers to must outlive it.
    template <class Model>
    explicit AnyModel(Model model) : model_(std::make_shared<const Own<Model>>(std::move(model))) {}

    // As those of `Decoder`, and of `TunedModel`.

    [[nodiscard]] const ParameterLayout& layout() const { return model_->layout(); }
    [[nodiscard]] Index vocabulary() const { return model_->vocabulary(); }
    [[nodiscard]] Index context() const { return model_->context(); }
    [[nodiscard]] ModelFiles files() const { return model_->files(); }
    void check_files(const std::filesystem::path& directory) const { model_->check_files(directory); }

    void loss(D& device, Weights<Element> weights, const Sequences& inputs, Targets targets,
              View<Sum, 2> losses) const {
        model_->loss(device, weights, inputs, targets, losses);
    }
    void loss(D& device, Weights<Element> weights, const Sequences& inputs, Targets targets,
              std::span<double> losses) const {
        summed(device, inputs, losses,
               [&](View<Sum, 2> tokens) { loss(device, weights, inputs, targets, tokens); });
    }
    void loss_and_gradients(D& device, Weights<Element> weights, const Sequences& inputs, Targets targets,
                            double scale, View<Sum, 2> losses, Gradients<Sum> gradients) const {
        model_->gradients(device, weights, inputs, targets, scale, losses, gradients);
    }
    void loss_and_gradients(D& device, Weights<Element> weights, const Sequences& inputs, Targets targets,
                            double scale, std::span<double> losses, Gradients<Sum> gradients) const {
        summed(device, inputs, losses, [&](View<Sum, 2> tokens) {
            loss_and_gradients(device, weights, inputs, targets, scale, tokens, gradients);
        });
    }
    void weighted_gradients(D& device, Weights<Element> weights, const Sequences& inputs, Targets targets,
                            const Weigh& weigh, View<Sum, 2> losses, Gradients<Sum> gradients) const {
        model_->gradients(device, weights, inputs, targets, weigh, losses, gradients);
    }

private:
    /// The losses of tokens, summed over each sequence in host memory.
    template <class Work>
    static void summed(D& device, const Sequences& inputs, std::span<double> losses, Work&& work) {
        ScratchScope scope(device.scratch());
        const auto tokens = accumulator_scratch(device, inputs.ids.shape);
        work(tokens);
        sum_rows(device, ConstView<Sum, 2>(tokens), losses);
    }

    std::shared_ptr<const Interface> model_;
};

}  // namespace lapidary
