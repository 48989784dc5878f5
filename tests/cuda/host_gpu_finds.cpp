// The stand-in for a GPU finds the faults of kernels that a GPU would hide.

#include "catch.hpp"
#include "host_gpu.hpp"

#include <lapidary/cuda/sums.cuh>

#include <vector>

using namespace lapidary;
using namespace lapidary::test;

namespace {

/// Each thread reads what its neighbour wrote; right only with a barrier in between.
template <bool Barrier>
struct ReadNeighbour {
    int* seen;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        int* const room = thread.template shared<int>();
        room[thread.index()] = thread.index();
        if (Barrier) thread.barrier();
        seen[thread.index()] = room[(thread.index() + 1) % thread.count()];
    }
};

template <class Kernel>
std::vector<int> seen_by(ThreadOrder order) {
    HostGpu<float> gpu(order);
    std::vector<int> seen(64);
    gpu.launch({.threads = 64, .shared = 64 * sizeof(int)}, Kernel{seen.data()});
    return seen;
}

struct BarrierOfSome {
    int reached;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        if (thread.index() < reached) thread.barrier();
    }
};

/// Half of a warp shuffles, the others are done or wait elsewhere.
template <bool Wait>
struct LanesPart {
    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        if (thread.lane() < 16) {
            thread.shuffle(thread.lane(), 0);
        } else if (Wait) {
            thread.barrier();
        }
    }
};

/// One thread waits for too few of its copies.
template <int Pending>
struct Copies {
    const float* from;
    float* to;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        if (thread.index() != 0) return;
        float* const room = thread.template shared<float>();
        for (int i = 0; i < 2; ++i) {
            thread.copy_async(room + 4 * i, from + 4 * i, true);
            thread.commit_copies();
        }
        thread.template wait_copies<Pending>();
        for (int i = 0; i < 8; ++i) to[i] = room[i];
    }
};

struct SumOfBlock {
    double* total;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        double values[2] = {static_cast<double>(thread.index()), 1.0};
        kernels::block_sums(thread, values, thread.template shared<double>());
        if (thread.index() == 37) {
            total[0] = values[0];
            total[1] = values[1];
        }
    }
};

template <class Kernel>
void launch(const Kernel& kernel) {
    HostGpu<float> gpu;
    gpu.launch({.threads = 96, .shared = 128}, kernel);
}

}  // namespace

TEST_CASE("the stand-in for a GPU shows a barrier that lacks") {
    const auto with = seen_by<ReadNeighbour<true>>(ThreadOrder::forward);
    CHECK(seen_by<ReadNeighbour<true>>(ThreadOrder::backward) == with);
    CHECK(seen_by<ReadNeighbour<true>>(ThreadOrder::shuffled) == with);
    CHECK(with[0] == 1);
    CHECK(with[63] == 0);
    const auto without = seen_by<ReadNeighbour<false>>(ThreadOrder::forward);
    CHECK(seen_by<ReadNeighbour<false>>(ThreadOrder::backward) != without);
    CHECK(seen_by<ReadNeighbour<false>>(ThreadOrder::shuffled) != without);
}

TEST_CASE("the stand-in for a GPU refuses threads that wait apart") {
    CHECK_NOTHROW(launch(BarrierOfSome{96}));
    CHECK_NOTHROW(launch(BarrierOfSome{0}));
    CHECK_THROWS_AS(launch(BarrierOfSome{95}), std::logic_error);
    CHECK_THROWS_AS(launch(BarrierOfSome{64}), std::logic_error);
    CHECK_THROWS_AS(launch(LanesPart<false>{}), std::logic_error);
    CHECK_THROWS_AS(launch(LanesPart<true>{}), std::logic_error);
}

TEST_CASE("on the stand-in for a GPU copies arrive when they are waited for") {
    const std::vector<float> zeros(8, 0.0F);
    std::vector<float> from{1, 2, 3, 4, 5, 6, 7, 8}, to(8);
    HostGpu<float> gpu;
    auto* const aligned = static_cast<float*>(gpu.allocate(32));
    std::copy(from.begin(), from.end(), aligned);
    gpu.launch({.threads = 32, .shared = 32}, Copies<0>{aligned, to.data()});
    CHECK(to == from);
    CHECK_THROWS_AS(gpu.launch({.threads = 32, .shared = 32}, Copies<1>{aligned, to.data()}), std::logic_error);
    CHECK(to[3] == 4);
    CHECK(std::isnan(to[4]));
    CHECK_THROWS_AS(gpu.launch({.threads = 32, .shared = 32}, Copies<0>{aligned + 1, to.data()}),
                    std::logic_error);
    gpu.release(aligned, 32);
}

TEST_CASE("the stand-in for a GPU refuses grids and blocks that a GPU would not launch") {
    HostGpu<float> gpu;
    CHECK_THROWS_AS(gpu.launch({.y = 65536, .threads = 32}, BarrierOfSome{0}), std::logic_error);
    CHECK_THROWS_AS(gpu.launch({.threads = 48}, BarrierOfSome{0}), std::logic_error);
    CHECK_THROWS_AS(gpu.launch({.threads = 1056}, BarrierOfSome{0}), std::logic_error);
    CHECK_THROWS_AS(gpu.launch({.threads = 32, .shared = 228 * 1024}, BarrierOfSome{0}), std::logic_error);
    CHECK_NOTHROW(gpu.launch({.x = 0, .threads = 48}, BarrierOfSome{0}));
}

TEST_CASE("sums of a block reach all of its threads") {
    double totals[2] = {};
    launch(SumOfBlock{totals});
    CHECK(totals[0] == 95.0 * 96 / 2);
    CHECK(totals[1] == 96);
}
