#pragma once

#include "tuning_options.hpp"

#include <lapidary/checkpoint/adapter_files.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/models/any_model.hpp>
#include <lapidary/models/families.hpp>

#include <filesystem>
#include <string>
#include <utility>

// What depends on the family of the model that is tuned. Everything else is compiled once.

/// What a model's files say of it.
struct TuningModel {
    std::string family;
    lapidary::Json config;
    lapidary::ParameterRules rules;  ///< by which it was trained
    lapidary::Index vocabulary = 0, context = 0, heads = 0, parameters = 0;
};

/// Throws what `visit_config` and `check_weights` throw.
inline TuningModel read_model(const std::filesystem::path& directory) {
    using namespace lapidary;
    TuningModel found;
    visit_config(directory, [&]<class Config>(const Config& config) {
        const typename Config::Model model(config);
        check_weights(model, directory);
        found = {std::string(Config::family),
                 config_json(config),
                 config.recipe().rules,
                 model.vocabulary(),
                 model.context(),
                 model.options().block.attention.heads,
                 model.layout().parameter_count()};
    });
    return found;
}

/// Calls `work(tuned, reference, base)` on a device and returns what it returns. `tuned`: what of the model is
/// trained, all or its adapters; `reference`: the model by itself; `base`: the weights that it starts from, which
/// nothing changes, where somebody needs them: adapters, or whoever asked (`keeps_base`); else nothing. On a
/// device that counts, they have no values.
template <lapidary::Device D, class Work>
auto with_model(D& device, const TuningOptions& options, bool keeps_base, Work&& work) {
    using namespace lapidary;
    using Result = decltype(work(std::declval<const AnyModel<D>&>(), std::declval<const AnyModel<D>&>(),
                                 ConstView<Scalar<D>, 1>()));
    Result result{};
    visit_config(options.model, [&]<class Config>(const Config& config) {
        using Model = typename Config::Model;
        const AdapterPlan plan = options.lora.rank > 0 ? adapter_plan(config, options.lora) : AdapterPlan{};
        const Model model(config, options.level(), plan);
        const AnyModel<D> reference(model);
        ScratchScope scope(device.scratch());
        Tensor<Scalar<D>, 1, D> weights(device, {0});
        View<Scalar<D>, 1> base;
        if (!plan.empty() || keeps_base) {
            if constexpr (CountingDevice<D>) {
                base = scratch(device, Shape<1>{model.layout().size()});
            } else {
                weights = model_weights(device, reference, options.model);
                base = weights.view();
            }
        }
        const AnyModel<D> tuned =
            plan.empty() ? reference : AnyModel<D>(TunedModel<Model, D>(model, base, options.model.string()));
        result = work(tuned, reference, ConstView<Scalar<D>, 1>(base));
    });
    return result;
}

/// Writes a model with the adapters in a directory merged into it, on the CPU in single precision: in bf16, what
/// is small beside the base would get lost.
inline void write_merged(const std::filesystem::path& model, const std::filesystem::path& adapters,
                         const std::filesystem::path& target) {
    using namespace lapidary;
    visit_config(model, [&]<class Config>(const Config& config) {
        using Model = typename Config::Model;
        Cpu device;
        const auto weights = merged_weights<Model>(device, config, model, adapters);
        write_huggingface(device, Model(config), weights.view(), target);
    });
}
