// The ordered reduce-scatter beside MPI_Reduce_scatter, in turns:  mpirun -n 2 bench_reduce_scatter [MEBIBYTES]
// [ROUNDS] Rank 0 prints one JSON object with the median seconds of both and the median of the rounds' ratios.

#include <lapidary/comm/collectives.hpp>
#include <lapidary/comm/mpi.hpp>
#include <lapidary/core/tensor.hpp>
#include <lapidary/cpu.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

using namespace lapidary;

namespace {

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

int run(Index size, int rounds) {
    Mpi world;
    Cpu device({.threads = 1});
    Tensor<float, 1, Cpu> input(device, {size}), values(device, {size}), sum(device, {size});
    fill(device, input.view(), 1 + world.rank());
    const std::vector<Range> parts = even_parts(size, world.size());
    std::vector<int> counts;
    for (const Range& part : parts) counts.push_back(static_cast<int>(part.count));
    const auto time = [&](auto&& collective) {
        copy(device, input.view(), values.view());
        barrier(world);
        MPI_Barrier(MPI_COMM_WORLD);
        const auto start = std::chrono::steady_clock::now();
        collective();
        MPI_Barrier(MPI_COMM_WORLD);
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    std::vector<double> ours, theirs, ratios;
    for (int round = -2; round < rounds; ++round) {
        const double own = time([&] { reduce_scatter(device, world, values.view(), parts); });
        const double mpi = time([&] {
            MPI_Reduce_scatter(values.view().data, sum.view().data, counts.data(), MPI_FLOAT, MPI_SUM,
                               MPI_COMM_WORLD);
        });
        if (round < 0) continue;  // pages and connections
        ours.push_back(own);
        theirs.push_back(mpi);
        ratios.push_back(own / mpi);
    }
    if (world.rank() == 0) {
        std::printf("{\"ranks\": %d, \"bytes\": %ld, \"ordered_s\": %.5f, \"mpi_s\": %.5f, \"ratio\": %.3f}\n",
                    world.size(), size * 4, median(ours), median(theirs), median(ratios));
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run((argc > 1 ? std::atol(argv[1]) : 64) << 18, argc > 2 ? std::atoi(argv[2]) : 31);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_reduce_scatter: %s\n", error.what());
        return 1;
    }
}
