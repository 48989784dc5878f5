#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>

namespace lapidary {

/// What ranks are doing together, for messages and for how long to wait.
struct Operation {
    std::string_view name;
    double patience = 1;  ///< multiplies the communicator's timeout, for what waits for a disk

    constexpr Operation(const char* text) : name(text) {}  // NOLINT: an operation is known by its name
    constexpr Operation(std::string_view text, double patience_) : name(text), patience(patience_) {}
};

/// Bytes for another rank. Keep them unchanged until `finish`.
struct Send {
    int to;
    const void* data;
    std::size_t bytes;
};

/// Room for bytes from another rank: exactly as many as it sends.
struct Receive {
    int from;
    void* data;
    std::size_t bytes;
};

/// A group of ranks that run the same program, each with its own memory.
///
/// A communicator moves bytes and knows no arithmetic: what is summed, and in which order, is written once, in
/// comm/collectives.hpp, for all of them. `start(operation, sends, receives)` begins an exchange with any of the
/// other ranks, in memory that the communicator can reach (the host's, or a GPU's); `finish(pending)` returns when
/// the receives are filled and the sends may change. Between two ranks messages arrive in the order they were
/// started, and exchanges are finished in that order. One thread at a time.
///
/// `finish` waits for another rank no longer than a timeout: Error(lost_rank) names the ranks that did not answer,
/// and the operation. `split(color, key)`, called by all with colors from 0, makes a group of the ranks with the
/// same color, ordered by key.
template <class C>
concept Communicator = requires(C& world, const C& fixed, const Operation& operation, std::span<const Send> sends,
                                std::span<const Receive> receives, typename C::Pending& pending) {
    { fixed.rank() } -> std::same_as<int>;
    { fixed.size() } -> std::same_as<int>;
    { world.start(operation, sends, receives) } -> std::same_as<typename C::Pending>;
    world.finish(pending);
    { world.split(0, 0) } -> std::same_as<C>;
};

/// `start` and `finish` in one.
template <Communicator World>
void exchange(World& world, const Operation& operation, std::span<const Send> sends,
              std::span<const Receive> receives) {
    auto pending = world.start(operation, sends, receives);
    world.finish(pending);
}

}  // namespace lapidary
