#pragma once

#include "comm/counted.hpp"

#include <lapidary/comm/collectives.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

// What every communicator must do, whatever it is made of. Ranks run it together; each returns what it saw go
// wrong, as sentences, because a test library's assertions are for one thread.

namespace lapidary::test {

using Problems = std::vector<std::string>;

template <Device D>
class Conformance {
public:
    using T = Scalar<D>;
    explicit Conformance(D& device) : device_(device) {}

    template <Communicator World>
    Problems run(World& world) {
        problems_.clear();
        group(world);
        const int color = world.rank() % 2;
        auto half = world.split(color, -world.rank());
        const int size = (world.size() + 1 - color) / 2;
        expect(half.size() == size && half.rank() == size - 1 - world.rank() / 2, "split by parity, in reverse");
        group(half);
        auto alone = half.split(half.rank(), 0);
        expect(alone.size() == 1 && alone.rank() == 0, "split into single ranks");
        group(alone);
        group(world);
        return problems_;
    }

private:
    void expect(bool holds, const std::string& what) {
        if (!holds) problems_.push_back(what);
    }

    // Element i of a rank's vector: of many magnitudes, so that another order of a sum gives other bits.
    static T value(int rank, Index i) {
        std::uint64_t bits = static_cast<std::uint64_t>(i) * 64 + static_cast<std::uint64_t>(rank) + 1;
        bits *= 0x9e3779b97f4a7c15u;
        bits ^= bits >> 31;
        bits *= 0xbf58476d1ce4e5b9u;
        return static_cast<T>(static_cast<double>(static_cast<std::int64_t>(bits)) *
                              (bits % 5 == 0 ? 1e-9 : 1e-18));
    }
    View<T, 1> vector(int rank, Index size) {
        std::vector<T> host(static_cast<std::size_t>(size));
        for (Index i = 0; i < size; ++i) host[static_cast<std::size_t>(i)] = value(rank, i);
        return upload(host);
    }
    View<T, 1> upload(const std::vector<T>& host) {
        const auto view = scratch(device_, Shape<1>{static_cast<Index>(host.size())});
        device_.upload(host.data(), view.data, host.size() * sizeof(T));
        return view;
    }
    std::vector<T> download(View<T, 1> view) {
        std::vector<T> host(static_cast<std::size_t>(view.size()));
        device_.download(view.data, host.data(), host.size() * sizeof(T));
        return host;
    }
    // The sum over ranks [first, first + count) of a tree whose leaves are filled up to a power of two.
    static T tree(int first, int count, int size, Index i) {
        if (count == 1) return value(first, i);
        const T left = tree(first, count / 2, size, i);
        return first + count / 2 < size ? left + tree(first + count / 2, count / 2, size, i) : left;
    }

    template <Communicator World>
    void group(World& world) {
        ScratchScope scope(device_.scratch());
        const int rank = world.rank(), size = world.size();
        const std::string where = " (rank " + std::to_string(rank) + " of " + std::to_string(size) + ")";
        barrier(world);

        for (const Index count : {0, 1, 1000, 70000}) {
            for (int root = 0; root < size; ++root) {
                const auto values = vector(rank, count);
                broadcast(world, values, root);
                expect(download(values) == download(vector(root, count)),
                       "broadcast of " + std::to_string(count) + where);
            }
        }

        // Parts of unlike lengths, an empty one among them.
        std::vector<Range> parts;
        Index all = 0;
        for (int each = 0; each < size; ++each) {
            const Index count = each % 3 == 1 ? 0 : 100 + 1000 * each;
            parts.push_back({all, count});
            all += count;
        }
        const auto gathered = vector(rank, all);
        all_gather(world, gathered, std::span<const Range>(parts));
        std::vector<T> expected;
        for (int each = 0; each < size; ++each) {
            const Range part = parts[static_cast<std::size_t>(each)];
            for (Index i = part.first; i < part.end(); ++i) expected.push_back(value(each, i));
        }
        expect(download(gathered) == expected, "all_gather" + where);

        for (const Index count : {0, 1, 5, 10007}) sums(world, count, where);
        // More than one round, whatever the number of ranks.
        sums(world, size * (detail::reduction_piece<T>(size) + 10), where);

        const std::array mine{10 * rank, 10 * rank + 1};
        const auto collected = gather(device_, world, std::span<const int>(mine));
        for (int i = 0; i < 2 * size; ++i)
            expect(collected[static_cast<std::size_t>(i)] == 10 * (i / 2) + i % 2, "gather" + where);
        for (int one = 0; one < size; ++one) expect(any(device_, world, rank == one), "any" + where);
        expect(!any(device_, world, false), "any of none" + where);

        // Two exchanges at once arrive in order.
        const int next = (rank + 1) % size, previous = (rank + size - 1) % size;
        if (size > 1) {
            const auto first = vector(rank, 50), second = vector(rank + 100, 50);
            const auto got_first = vector(0, 50), got_second = vector(0, 50);
            const std::array sends{Send{next, first.data, 50 * sizeof(T)},
                                   Send{next, second.data, 50 * sizeof(T)}};
            const std::array receives{Receive{previous, got_first.data, 50 * sizeof(T)},
                                      Receive{previous, got_second.data, 50 * sizeof(T)}};
            auto one = world.start("first", std::span(sends).first(1), std::span(receives).first(1));
            auto two = world.start("second", std::span(sends).last(1), std::span(receives).last(1));
            world.finish(one);
            world.finish(two);
            expect(download(got_first) == download(vector(previous, 50)), "first of two exchanges" + where);
            expect(download(got_second) == download(vector(previous + 100, 50)),
                   "second of two exchanges" + where);
        }
    }

    template <Communicator World>
    void sums(World& world, Index count, const std::string& where) {
        ScratchScope scope(device_.scratch());
        const int size = world.size();
        int leaves = 1;
        while (leaves < size) leaves *= 2;
        std::vector<T> expected;
        for (Index i = 0; i < count; ++i) expected.push_back(tree(0, leaves, size, i));

        const std::size_t ring = static_cast<std::size_t>(count) * sizeof(T) * static_cast<std::size_t>(size - 1);
        const auto as_ring = [&](std::size_t bytes, std::size_t times) {  // up to the uneven end of the parts
            const std::size_t slack = times * sizeof(T) * static_cast<std::size_t>(size * size);
            return bytes * static_cast<std::size_t>(size) <= times * ring + slack * static_cast<std::size_t>(size);
        };

        const auto parts = even_parts(count, size);
        const Range own = parts[static_cast<std::size_t>(world.rank())];
        const auto scattered = vector(world.rank(), count);
        Counted reducing(world);
        reduce_scatter(device_, reducing, scattered, parts);
        const auto part = download(scattered.slice(own.first, own.count));
        expect(std::equal(part.begin(), part.end(), expected.begin() + own.first),
               "reduce_scatter of " + std::to_string(count) + where);
        const auto reduced = reducing.total();
        expect(as_ring(reduced.sent.bytes, 1) && as_ring(reduced.received.bytes, 1),
               "reduce_scatter moves more than a ring" + where);

        const auto values = vector(world.rank(), count);
        Counted both(world);
        all_reduce(device_, both, values);
        expect(download(values) == expected, "all_reduce of " + std::to_string(count) + where);
        const auto moved = both.total();
        expect(as_ring(moved.sent.bytes, 2) && as_ring(moved.received.bytes, 2),
               "all_reduce moves more than a ring" + where);
    }

    D& device_;
    Problems problems_;
};

}  // namespace lapidary::test
