// Training steps of AMBER on ranks that a launcher started, and what each rank's memory is:
//   mpirun -n 4 bench_ranks SIZE [ZERO] [STEPS] [LANES]      SIZE: S or M
// Rank 0 prints one JSON object: tokens/s of the median step, and for the fullest rank the resident memory that
// the training added, in bytes, beside what its vectors, rooms and activations take.

#include <lapidary/comm/mpi.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/models/amber.hpp>
#include <lapidary/optim/adamw.hpp>
#include <lapidary/train/train_step.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

using namespace lapidary;

namespace {

// Resident memory that no file backs (RssAnon), now.
double resident_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string key; status >> key;) {
        double kibibytes = 0;
        if (key == "RssAnon:" && status >> kibibytes) return 1024 * kibibytes;
    }
    return 0;
}

Batch random_batch(Index sequences, Index context, Index vocabulary) {
    Batch batch;
    batch.batch = sequences;
    batch.context = context;
    std::uint32_t state = 1;
    for (Index i = 0; i < sequences * (context + 1); ++i) {
        state = state * 1664525U + 1013904223U;
        const double x = static_cast<double>(state >> 8) * 0x1p-24;
        batch.tokens.push_back(static_cast<std::int32_t>(static_cast<double>(vocabulary) * x * x * x));
    }
    return batch;
}

int run(const std::string& size, Zero zero, Index steps, Index lanes) {
    Mpi world;
    const char* threads = std::getenv("LAPIDARY_THREADS");
    Cpu device({.threads = threads == nullptr ? 1 : std::atoi(threads)});
    const AmberConfig config = size == "M" ? AmberConfig::bench_m() : AmberConfig::bench_s();
    const Amber model(config);
    const Batch batch = random_batch(size == "M" ? 4 : 8, config.max_position_embeddings, config.vocab_size);
    const double before = resident_bytes();
    TrainState<Cpu> state(device, model.layout(), {.ranks = world.size(), .rank = world.rank(), .zero = zero});
    initialize(device, model, state, {.seed = 1});
    std::vector<double> seconds;
    double loss = 0;
    for (Index step = 0; step < steps + 2; ++step) {
        const StepRecord record = train_step(device, world, model, state, batch, AdamW{}, 3e-4, {.lanes = lanes});
        if (step >= 2) seconds.push_back(record.seconds);
        loss = record.loss;
    }
    std::sort(seconds.begin(), seconds.end());
    const std::array memory{resident_bytes() - before, static_cast<double>(device.scratch().peak())};
    const std::vector<double> all = gather(device, world, std::span<const double>(memory));
    double most = 0;
    for (std::size_t rank = 0; rank < all.size(); rank += 2) most = std::max(most, all[rank]);
    if (world.rank() == 0) {
        const auto tokens = static_cast<double>(batch.batch * batch.context);
        std::printf(
            "{\"size\": \"%s\", \"ranks\": %d, \"threads\": %d, \"zero\": %d, \"lanes\": %ld, \"tokens/s\": %.1f, "
            "\"resident_bytes\": %.0f, \"arena_bytes\": %.0f, \"loss\": %.9g}\n",
            size.c_str(), world.size(), device.threads(), static_cast<int>(zero), lanes,
            tokens / seconds[seconds.size() / 2], most, memory[1], loss);
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const auto argument = [&](int i, long otherwise) { return argc > i ? std::atol(argv[i]) : otherwise; };
    try {
        return run(argc > 1 ? argv[1] : "S", static_cast<Zero>(argument(2, 0)), argument(3, 8), argument(4, 4));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_ranks: %s\n", error.what());
        return 1;
    }
}
