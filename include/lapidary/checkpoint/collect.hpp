#pragma once

#include <lapidary/checkpoint/held_vector.hpp>
#include <lapidary/comm/communicator.hpp>

#include <vector>

namespace lapidary::detail {

/// A piece of a vector that one rank is to have in host memory.
template <class T>
struct Wish {
    const HeldVector<const T>* vector;
    const TensorPiece* piece;
};

/// Fulfils one wish a rank (or none: a null piece) with what all ranks have; all call it with the same wishes.
/// Returns this rank's elements, in the order of the flat vector.
template <Device D, Communicator World>
std::vector<Accumulator<D>> collect(D& device, World& world, const std::vector<Wish<Scalar<D>>>& wishes,
                                    const Operation& operation) {
    using T = Accumulator<D>;
    ScratchScope scope(device.scratch());
    std::vector<T> result;
    std::vector<Send> sends;
    std::vector<Receive> receives;
    struct Arrival {
        View<T, 1> staged;
        T* target;
    };
    std::vector<Arrival> arrivals;
    for (int asking = 0; asking < static_cast<int>(wishes.size()); ++asking) {
        const auto& [vector, piece] = wishes[static_cast<std::size_t>(asking)];
        if (piece == nullptr) continue;
        const bool own = asking == world.rank();
        if (own) result.resize(static_cast<std::size_t>(piece->size()));
        T* target = result.data();
        for (const Range& range : piece->flat) {
            vector->each_part(range, [&](int rank, Range part) {
                const std::size_t bytes = static_cast<std::size_t>(part.count) * sizeof(T);
                if (own && vector->has(rank)) {
                    vector->download(device, part, target);
                } else if (own) {
                    arrivals.push_back({accumulator_scratch(device, Shape<1>{part.count}), target});
                    receives.push_back({rank, arrivals.back().staged.data, bytes});
                } else if (rank >= 0 && vector->has(rank)) {
                    sends.push_back({asking, vector->on_device(device, part).data, bytes});
                }
                if (own) target += part.count;
            });
        }
    }
    exchange(world, operation, sends, receives);
    for (const Arrival& arrival : arrivals) {
        device.download(arrival.staged.data, arrival.target,
                        static_cast<std::size_t>(arrival.staged.size()) * sizeof(T));
    }
    return result;
}

}  // namespace lapidary::detail
