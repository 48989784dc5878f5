#pragma once

#include <lapidary/core/view.hpp>

#include <concepts>

namespace lapidary {

/// A group of ranks that run the same program.
///
/// Sums are formed along one fixed binary tree over the ranks (0+1, 2+3, ...; then pairs of pairs), so that a group of
/// any power-of-two size continues the tree that each rank began over its own lanes.
template <class C>
concept Communicator = requires(C& world, View<float, 1> values, View<double, 1> doubles) {
    { world.rank() } -> std::convertible_to<int>;
    { world.size() } -> std::convertible_to<int>;
    world.all_reduce(values);
    world.all_reduce(doubles);
    world.broadcast(values, 0);
    world.barrier();
};

}  // namespace lapidary
