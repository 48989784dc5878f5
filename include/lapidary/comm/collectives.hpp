#pragma once

#include <lapidary/comm/communicator.hpp>
#include <lapidary/core/device.hpp>
#include <lapidary/core/range.hpp>
#include <lapidary/ops/elementwise.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

// The collectives, over any communicator. Every rank calls the same ones in the same order. A vector is divided
// into one part per rank (`even_parts`), which may be empty. Ranks exchange directly, each with each: a
// reduce-scatter or an all-gather of N bytes sends and receives (p - 1) / p N bytes a rank, as much as a ring
// does.

namespace lapidary {

/// Divides `size` elements among `ranks`, in multiples of `grain` but for the end; the last ranks may get less, or
/// none.
inline std::vector<Range> even_parts(Index size, int ranks, Index grain = 1) {
    const Index each = round_up(ceil_div(size, Index{ranks}), grain);
    std::vector<Range> parts;
    for (Index rank = 0; rank < ranks; ++rank) {
        const Index first = std::min(size, rank * each);
        parts.push_back({first, std::min(each, size - first)});
    }
    return parts;
}

namespace detail {

template <class T>
std::size_t bytes_of(Index count) {
    return static_cast<std::size_t>(count) * sizeof(T);
}

/// Elements of a part that are under way at once, so that what all ranks send takes at most 8 MiB; of many ranks
/// at least 128 KiB each, which take a network longer to carry than to begin.
inline Index reduction_piece(int ranks, Index element_bytes) {
    return std::max((Index{128} << 10) / element_bytes, (Index{8} << 20) / element_bytes / ranks);
}
template <class T>
Index reduction_piece(int ranks) {
    return reduction_piece(ranks, static_cast<Index>(sizeof(T)));
}

/// The terms of ranks 0 to p - 1 along the binary tree that adds neighbours, then pairs of neighbours; the result
/// in `sum`, which may be one of them. All but the first term may change.
template <Device D, class T>
void add_tree(D& device, std::vector<View<T, 1>>& terms, View<T, 1> sum) {
    for (std::size_t stride = 1; stride < terms.size(); stride *= 2) {
        for (std::size_t i = 0; i + stride < terms.size(); i += 2 * stride) {
            const auto target = 2 * stride >= terms.size() ? sum : terms[i + stride];
            add(device, terms[i], terms[i + stride], target);
            terms[i] = target;
        }
    }
    if (terms.size() == 1) copy(device, terms[0], sum);
}

}  // namespace detail

/// Returns when all ranks have called it.
template <Communicator World>
void barrier(World& world, const Operation& operation = "barrier") {
    std::vector<Send> sends;
    std::vector<Receive> receives;
    for (int other = 0; other < world.size(); ++other) {
        if (other == world.rank()) continue;
        sends.push_back({other, nullptr, 0});
        receives.push_back({other, nullptr, 0});
    }
    exchange(world, operation, sends, receives);
}

/// The root's values everywhere.
template <Communicator World, class T>
void broadcast(World& world, View<T, 1> values, int root, const Operation& operation = "broadcast") {
    const std::size_t bytes = detail::bytes_of<T>(values.size());
    if (world.rank() != root) {
        const std::array receive{Receive{root, values.data, bytes}};
        return exchange(world, operation, {}, receive);
    }
    std::vector<Send> sends;
    for (int other = 0; other < world.size(); ++other) {
        if (other != root) sends.push_back({other, values.data, bytes});
    }
    exchange(world, operation, sends, {});
}

/// Every rank has its part of `values`; afterwards all have all parts.
template <Communicator World, class T>
void all_gather(World& world, View<T, 1> values, std::span<const Range> parts,
                const Operation& operation = "all_gather") {
    const auto part = [&](int rank) { return parts[static_cast<std::size_t>(rank)]; };
    const Range own = part(world.rank());
    std::vector<Send> sends;
    std::vector<Receive> receives;
    for (int i = 1; i < world.size(); ++i) {  // not all to the same rank at once
        const int to = (world.rank() + i) % world.size(), from = (world.rank() + world.size() - i) % world.size();
        if (own.count > 0) sends.push_back({to, values.data + own.first, detail::bytes_of<T>(own.count)});
        const Range theirs = part(from);
        if (theirs.count > 0)
            receives.push_back({from, values.data + theirs.first, detail::bytes_of<T>(theirs.count)});
    }
    exchange(world, operation, sends, receives);
}

/// Every rank has values of its own; afterwards its part is the sum over the ranks, and the rest is used up.
///
/// The order of the sum is fixed: the binary tree over ranks that adds 0 + 1, 2 + 3 and so on, then pairs of
/// these. So ranks that each sum a power of two of consecutive lanes along such a tree continue the tree over all
/// lanes.
template <Device D, Communicator World, class T>
void reduce_scatter(D& device, World& world, View<T, 1> values, std::span<const Range> parts,
                    const Operation& operation = "reduce_scatter") {
    if (world.size() == 1) return;
    const int size = world.size(), rank = world.rank();
    const Index piece = detail::reduction_piece<T>(size);
    const auto part = [&](int of, Index round) {  // what rank `of` gets in a round
        const Range whole = parts[static_cast<std::size_t>(of)];
        const Index done = std::min(whole.count, round * piece);
        return Range{whole.first + done, std::min(piece, whole.count - done)};
    };
    Index longest = 0;
    for (const Range& each : parts) longest = std::max(longest, each.count);
    const Index rounds = ceil_div(longest, piece);

    // While one round is added up, the next one is under way.
    struct Round {
        std::vector<View<T, 1>> terms;
        typename World::Pending pending;
    };
    ScratchScope scope(device.scratch());
    std::array<View<T, 2>, 2> rooms;
    for (auto& room : rooms) room = device.scratch().template allocate<T, 2>({size - 1, std::min(piece, longest)});
    const auto start = [&](Index round) {
        std::vector<Send> sends;
        std::vector<Receive> receives;
        const Range own = part(rank, round);
        std::vector<View<T, 1>> terms(static_cast<std::size_t>(size));
        terms[static_cast<std::size_t>(rank)] = values.slice(own.first, own.count);
        for (int i = 1; i < size; ++i) {
            const int to = (rank + i) % size, from = (rank + size - i) % size;
            const Range theirs = part(to, round);
            if (theirs.count > 0)
                sends.push_back({to, values.data + theirs.first, detail::bytes_of<T>(theirs.count)});
            const auto room = rooms[static_cast<std::size_t>(round % 2)].at(i - 1).slice(0, own.count);
            terms[static_cast<std::size_t>(from)] = room;
            if (own.count > 0) receives.push_back({from, room.data, detail::bytes_of<T>(own.count)});
        }
        return Round{std::move(terms), world.start(operation, sends, receives)};
    };
    if (rounds == 0) return;
    Round now = start(0);
    for (Index round = 0; round < rounds; ++round) {
        world.finish(now.pending);
        auto terms = std::move(now.terms);
        if (round + 1 < rounds) now = start(round + 1);
        const Range own = part(rank, round);
        if (own.count > 0) detail::add_tree(device, terms, values.slice(own.first, own.count));
    }
}

/// The sum over the ranks, in place, in the order of `reduce_scatter`.
template <Device D, Communicator World, class T>
void all_reduce(D& device, World& world, View<T, 1> values, const Operation& operation = "all_reduce") {
    const std::vector<Range> parts = even_parts(values.size(), world.size());
    reduce_scatter(device, world, values, parts, operation);
    all_gather(world, values, std::span<const Range>(parts), operation);
}

/// The values of all ranks, one after the other, in host memory; `counts`: how many each has.
template <Device D, Communicator World, class T>
std::vector<T> gather(D& device, World& world, std::span<const T> mine, const std::vector<Index>& counts,
                      const Operation& operation = "gather") {
    std::vector<Range> parts;
    for (const Index count : counts) parts.push_back({parts.empty() ? 0 : parts.back().end(), count});
    std::vector<T> all(static_cast<std::size_t>(parts.back().end()));
    if (world.size() == 1) {
        std::copy(mine.begin(), mine.end(), all.begin());
        return all;
    }
    ScratchScope scope(device.scratch());
    const auto staged = device.scratch().template allocate<T, 1>({parts.back().end()});
    const Range own = parts[static_cast<std::size_t>(world.rank())];
    device.upload(mine.data(), staged.data + own.first, mine.size_bytes());
    all_gather(world, staged, std::span<const Range>(parts), operation);
    device.download(staged.data, all.data(), all.size() * sizeof(T));
    return all;
}

/// The same where all have as many.
template <Device D, Communicator World, class T>
std::vector<T> gather(D& device, World& world, std::span<const T> mine, const Operation& operation = "gather") {
    const std::vector<Index> counts(static_cast<std::size_t>(world.size()), static_cast<Index>(mine.size()));
    return gather(device, world, mine, counts, operation);
}

/// Whether it is true on any rank.
template <Device D, Communicator World>
bool any(D& device, World& world, bool mine, const Operation& operation = "any") {
    const std::array flag{static_cast<unsigned char>(mine)};
    const auto flags = gather(device, world, std::span<const unsigned char>(flag), operation);
    return std::any_of(flags.begin(), flags.end(), [](unsigned char each) { return each != 0; });
}

}  // namespace lapidary
