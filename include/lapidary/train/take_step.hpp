#pragma once

#include <lapidary/data/batch.hpp>
#include <lapidary/ops/reduce.hpp>
#include <lapidary/optim/clip.hpp>
#include <lapidary/optim/train_state.hpp>
#include <lapidary/train/check_batch.hpp>
#include <lapidary/train/gathered_weights.hpp>
#include <lapidary/train/gradient_norm.hpp>
#include <lapidary/train/lanes.hpp>
#include <lapidary/train/sequence_batch.hpp>
#include <lapidary/train/sharded_gradients.hpp>
#include <lapidary/train/step_options.hpp>
#include <lapidary/train/whole_gradients.hpp>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

// What steps have in common, whatever they train towards.

namespace lapidary {

namespace detail {

/// Nothing in the background outlives what it works on, also when an error ends the step.
template <Device D>
struct AbandonAtExit {
    ExchangeSpace<D>* exchange;
    ~AbandonAtExit() {
        if (exchange != nullptr) exchange->background.abandon();
    }
};

/// Does the work, or lets the device repeat what it recorded when it did work of that key before, in the same
/// places of memory (CUDA graphs).
template <Device D, class Work>
void repeatable(D& device, TrainState<D>& state, std::vector<Index> key, Work&& work) {
    if constexpr (requires { device.repeat(state.records, key, work); }) {
        if (state.shards.ranks() == 1) return device.repeat(state.records, std::move(key), work);
    }
    work();
}

/// Adds up the gradients of this rank's lanes and returns the summed loss of each of their sequences.
template <Device D, class Model, class Sums, class Objective>
std::vector<double> run_lanes(D& device, const Model& model, TrainState<D>& state, Weights<Scalar<D>> weights,
                              Sums& sums, const Batch& batch, const LaneShare& lanes, Index micro_batch,
                              const Objective& objective) {
    std::vector<double> result;
    for (Index k = 0; k < lanes.own; ++k) {
        for (Index i = 0; i < lanes.sequences; i += micro_batch) {
            ScratchScope scope(device.scratch());
            const Index first = lanes.lane(k) * lanes.sequences + i,
                        count = std::min(micro_batch, lanes.sequences - i);
            const SequenceBatch<D> part(device, batch.view().slice(first, count),
                                        batch.mask_view().slice(first, count),
                                        batch.starts_view().slice(first, count));
            const auto token_losses = accumulator_scratch(device, part.targets.shape);
            const bool first_part = i == 0, last_part = i + count == lanes.sequences;
            const auto address = [](const void* place) {
                return static_cast<Index>(reinterpret_cast<std::intptr_t>(place));
            };
            const auto work = [&] {
                sums.begin(k, first_part, last_part);
                objective.differentiate(device, model, weights, part, first, token_losses,
                                        Gradients<Accumulator<D>>(sums));
            };
            if (objective.repeats()) {
                repeatable(
                    device, state,
                    {address(&model), address(state.weights.view().data), address(state.gradients.view().data), k,
                     first_part, last_part, count, batch.batch, batch.context, !batch.starts.empty()},
                    work);
            } else {
                work();
            }
            std::vector<double> losses(static_cast<std::size_t>(count));
            sum_rows(device, ConstView<Accumulator<D>, 2>(token_losses), losses);
            result.insert(result.end(), losses.begin(), losses.end());
        }
    }
    return result;
}

/// The gradients of the batch, as far as this rank keeps them, and the summed loss of each of its sequences.
template <Device D, Communicator World, class Model, class Objective>
std::vector<double> compute_gradients(D& device, World& world, const Model& model, TrainState<D>& state,
                                      const Batch& batch, const LaneShare& lanes, Index micro_batch,
                                      const Objective& objective, const char* operation) {
    while (static_cast<Index>(state.lane_gradients.size()) < lanes.levels()) {
        state.lane_gradients.emplace_back(device, Shape<1>{state.gradients.size()});
    }
    if (lanes.ranks > 1 && !state.exchange) state.exchange = std::make_unique<ExchangeSpace<D>>(device);
    GatheredWeights<D, World> weights(device, world, state);
    std::vector<double> own;
    const auto run = [&](auto sums) {
        const AbandonAtExit<D> guard{state.exchange.get()};
        own = run_lanes(device, model, state, Weights<Scalar<D>>(weights), sums, batch, lanes, micro_batch,
                        objective);
        if (state.exchange) state.exchange->background.wait();
    };
    if (state.zero >= Zero::gradients) {
        run(ShardedGradients<D, World>(device, world, state, micro_batch >= lanes.sequences));
    } else {
        run(WholeGradients<D, World>(device, world, state, lanes));
    }
    own.push_back(lanes.ranks > 1 ? std::bit_cast<double>(batch_hash(batch) ^ objective.hash())
                                  : 0);  // to compare, if with anybody
    const std::vector<double> all = gather(device, world, std::span<const double>(own), "gather of losses");
    std::vector<double> losses(static_cast<std::size_t>(batch.batch));  // in the order of the batch
    const double* next = all.data();
    for (int rank = 0; rank < lanes.ranks; ++rank) {
        for (Index k = 0; k < lanes.own; ++k) {
            const Index first = lanes.lane(k, rank) * lanes.sequences;
            for (Index i = 0; i < lanes.sequences; ++i) losses[static_cast<std::size_t>(first + i)] = *next++;
        }
        if (std::bit_cast<std::uint64_t>(*next++) != std::bit_cast<std::uint64_t>(all[own.size() - 1])) {
            throw Error(ErrorCode::value, operation,
                        "rank " + std::to_string(rank) + " was given another batch" + objective.what_else() +
                            " than rank 0: give every rank the " + "whole batch of the step, not a part of it");
        }
    }
    return losses;
}

/// Updates what this rank keeps, and hands the others its part of the weights while it updates the next.
template <Device D, Communicator World, class Optimizer>
void update(D& device, World& world, const ParameterLayout& layout, TrainState<D>& state,
            const Optimizer& optimizer, double rate, double gradient_scale) {
    if (state.zero == Zero::off) {
        return optimizer.update(device, layout, {state.weights.view(), state.remainders.view()},
                                state.gradients.view(), state.first_moment(), state.second_moment(), state.step,
                                rate, gradient_scale);
    }
    const AbandonAtExit<D> guard{state.exchange.get()};
    for (Index u = 0; u < state.shards.unit_count(); ++u) {
        const auto own = [&](auto vector, Zero level) {
            const Range range = state.own(u, level);
            return vector.slice(range.first, range.count);
        };
        optimizer.update(device, layout, state.shards.own(u), state.master_weights(u),
                         own(state.gradients.view(), Zero::gradients), own(state.first_moment(), Zero::moments),
                         own(state.second_moment(), Zero::moments), state.step, rate, gradient_scale);
        if (state.zero >= Zero::weights) continue;
        state.exchange->begin(device, [&world, &state, u] {
            const Range unit = state.shards.unit(u);
            all_gather(world, state.weights.view().slice(unit.first, unit.count),
                       std::span<const Range>(state.shards.parts(u)), "all_gather of weights");
        });
    }
    state.exchange->background.wait();
}

/// One step towards an objective, which says what it asks of the batch and the lanes (`check`), how a micro-batch
/// is differentiated, and what is recorded of the sequences' losses (`measure`). See `train_step`.
template <Device D, Communicator World, class Model, class Optimizer, class Objective>
typename Objective::Record take_step(D& device, World& world, const Model& model, TrainState<D>& state,
                                     const Batch& batch, const Optimizer& optimizer, double rate,
                                     const StepOptions& options, const Objective& objective,
                                     const char* operation) {
    const auto start = std::chrono::steady_clock::now();
    require_ranks(operation, state, world);
    const LaneShare lanes(options.lanes, batch.batch, world.size(), world.rank(), state.zero >= Zero::gradients,
                          operation);
    const Index micro_batch =
        options.micro_batch > 0 ? std::min(options.micro_batch, lanes.sequences) : lanes.sequences;
    objective.check(lanes, micro_batch);

    const std::vector<double> losses =
        compute_gradients(device, world, model, state, batch, lanes, micro_batch, objective, operation);
    typename Objective::Record record = objective.measure(losses, lanes);
    record.step = state.step;
    record.tokens = batch.batch * batch.context;
    record.learning_rate = rate;
    record.gradient_norm = gradient_norm(device, world, state);
    record.chunk = batch.chunk;
    record.chunk_finished = batch.last_in_chunk;
    const bool finite = std::isfinite(record.loss) && std::isfinite(record.gradient_norm);
    if (!finite && !options.accept) {
        throw Error(ErrorCode::not_finite, operation,
                    "step " + std::to_string(state.step) + ": loss " + std::to_string(record.loss) +
                        ", gradient norm " + std::to_string(record.gradient_norm) +
                        "; the weights were left as they were");
    }
    record.applied = (!options.accept || options.accept(record)) && finite;
    if (record.applied) {
        update(device, world, model.layout(), state, optimizer, rate,
               clip_factor(record.gradient_norm, options.clip_norm));
    }
    ++state.step;
    record.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return record;
}

}  // namespace detail

}  // namespace lapidary
