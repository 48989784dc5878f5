#pragma once

#include <lapidary/comm/any_communicator.hpp>
#include <lapidary/data/chat_windows.hpp>
#include <lapidary/data/epoch_order.hpp>
#include <lapidary/data/preference_windows.hpp>
#include <lapidary/data/trim_padding.hpp>
#include <lapidary/lapidary.hpp>
#include <lapidary/models/any_model.hpp>
#include <lapidary/train/preference_step.hpp>

#include <algorithm>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <vector>

// What models are tuned towards. A task has the windows of every step (`batch`), makes it (`step`), and says how
// the model does on what is held out (`validate`): what to log, and a text for people.

/// Which of its windows a step takes, as a batch: without columns that are padding in all of them.
template <class Windows>
lapidary::Batch tuning_batch(const Windows& windows, const lapidary::EpochOrder& order, lapidary::Index step) {
    lapidary::Batch batch = lapidary::trim_padding(windows.batch(order(step)));
    batch.step = step;
    batch.epoch = batch.chunk = order.epoch(step);
    batch.last_in_chunk = order.ends_epoch(step);
    return batch;
}

/// Calls `visit(batch)` for what is held out, `at_once` items at a time.
template <class Windows, class Visit>
void each_held_out(const Windows& windows, const lapidary::EpochOrder& order, lapidary::Index at_once,
                   Visit&& visit) {
    const std::span<const lapidary::Index> rows(order.held_out());
    for (std::size_t i = 0; i < rows.size(); i += static_cast<std::size_t>(at_once)) {
        visit(lapidary::trim_padding(
            windows.batch(rows.subspan(i, std::min(static_cast<std::size_t>(at_once), rows.size() - i)))));
    }
}

/// The replies of conversations.
struct RepliesTask {
    const lapidary::ChatWindows& windows;
    const lapidary::EpochOrder& order;
    lapidary::LossMean mean;
    lapidary::Index micro_batch;

    [[nodiscard]] lapidary::Batch batch(lapidary::Index step) const { return tuning_batch(windows, order, step); }

    template <class D, class World, class Model, class Optimizer>
    lapidary::StepRecord step(D& device, World& world, const Model& model, lapidary::TrainState<D>& state,
                              const lapidary::Batch& batch, const Optimizer& optimizer, double rate,
                              lapidary::StepOptions options) const {
        options.mean = mean;
        return train_step(device, world, model, state, batch, optimizer, rate, options);
    }
    static std::string note(const lapidary::StepRecord&) { return {}; }

    template <class D, class World, class Model>
    std::pair<lapidary::Json, std::string> validate(D& device, World& world, const Model& model,
                                                    lapidary::TrainState<D>& state,
                                                    lapidary::Index at_once) const {
        double sum = 0, parts = 0;
        each_held_out(windows, order, at_once, [&](const lapidary::Batch& batch) {
            if (lapidary::counted_positions(batch) == 0) return;
            const double divisor = lapidary::loss_divisor(batch, mean);
            sum += divisor * mean_loss(device, world, model, state, batch, micro_batch, mean);
            parts += divisor;
        });
        char text[64];
        std::snprintf(text, sizeof text, "held-out loss %.4f", sum / parts);
        return {{{"validation_loss", sum / parts}}, text};
    }
};

/// Replies that are preferred to others; `base`: the weights of the frozen reference.
template <lapidary::Device D>
struct PreferencesTask {
    const lapidary::PreferenceWindows& windows;
    const lapidary::EpochOrder& order;
    lapidary::PreferenceLoss loss;
    const lapidary::AnyModel<D>& reference;
    lapidary::ConstView<lapidary::Scalar<D>, 1> base;
    lapidary::Index micro_batch;

    [[nodiscard]] lapidary::Batch batch(lapidary::Index step) const { return tuning_batch(windows, order, step); }

    template <class World, class Tuned, class Optimizer>
    lapidary::PreferenceRecord step(D& device, World& world, const Tuned& model, lapidary::TrainState<D>& state,
                                    const lapidary::Batch& batch, const Optimizer& optimizer, double rate,
                                    const lapidary::StepOptions& options) const {
        return preference_step(device, world, model, state, batch, asked(device, world, batch), loss, optimizer,
                               rate, options);
    }
    static std::string note(const lapidary::PreferenceRecord& record) {
        char text[64];
        std::snprintf(text, sizeof text, " | accuracy %.2f margin %.3f", record.accuracy, record.margin);
        return text;
    }

    template <class World, class Tuned>
    std::pair<lapidary::Json, std::string> validate(D& device, World& world, const Tuned& model,
                                                    lapidary::TrainState<D>& state,
                                                    lapidary::Index at_once) const {
        std::vector<double> log_probs, reference_log_probs;
        each_held_out(windows, order, at_once, [&](const lapidary::Batch& batch) {
            const auto append = [](std::vector<double>& all, const std::vector<double>& some) {
                all.insert(all.end(), some.begin(), some.end());
            };
            append(log_probs, sequence_log_probs(device, world, model, state, batch, micro_batch));
            append(reference_log_probs, asked(device, world, batch));
        });
        const auto record = lapidary::measure_preferences(log_probs, reference_log_probs, loss);
        char text[128];
        std::snprintf(text, sizeof text, "held-out loss %.4f, accuracy %.3f, margin %.4f", record.loss,
                      record.accuracy, record.margin);
        return {{{"validation_loss", record.loss},
                 {"validation_accuracy", record.accuracy},
                 {"validation_margin", record.margin}},
                text};
    }

private:
    template <class World>
    std::vector<double> asked(D& device, World& world, const lapidary::Batch& batch) const {
        return sequence_log_probs(device, world, reference, base, batch, micro_batch);
    }
};
