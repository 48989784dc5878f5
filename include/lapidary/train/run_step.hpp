#pragma once

#include <lapidary/checkpoint/run_record.hpp>
#include <lapidary/train/train_step.hpp>

#include <functional>

namespace lapidary {

/// The step of a recorded run that comes next: its batch, its rate, and the decisions that were taken about it.
/// Whoever trains and whoever replays call this.
///
/// `chunks`: opened with the run's batch and seed. `accept`: as in `StepOptions`, asked where nothing was decided
/// yet.
template <Device D, Communicator World, class Model>
StepRecord run_step(D& device, World& world, const Model& model, TrainState<D>& state, const TokenChunks& chunks,
                    const RunRecord& run, Index micro_batch,
                    const std::function<bool(const StepRecord&)>& accept) {
    const bool skip = run.decisions.skip_of(state.step) != nullptr;
    return train_step(device, world, model, state, chunks.batch(run.decisions.batch_of(state.step)),
                      run.optimizer(model.config().recipe()), run.rate(state.step),
                      {.micro_batch = micro_batch,
                       .lanes = run.lanes,
                       .clip_norm = run.clip,
                       .accept = skip ? [](const StepRecord&) { return false; } : accept});
}

}  // namespace lapidary
