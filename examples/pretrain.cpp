// pretrain: the training run. Started again, it goes on from its last checkpoint, on as many ranks as it is then
// given.

#ifdef LAPIDARY_CUDA
#include "gpu_memory.hpp"
#endif
#include "recompute_choice.hpp"
#include "train.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>
#include <string>

using namespace lapidary;

namespace {

/// One rank's part of the run, where it computes.
template <class Config>
int run_rank(const Options& options, AnyCommunicator& world, const TokenChunks& chunks, const Config& config) {
    using Model = typename Config::Model;
    const auto choose = [&]<class T>(T, double available) {
        return recompute_for<Model, T>(options, world, chunks.context(), config,
                                       options.memory > 0 ? options.memory * 1e9 : available);
    };
    DeviceChoice where = options.where;
#ifdef LAPIDARY_CUDA
    if (where.on_gpu()) {
        if (options.launch.gpu >= 0) where.index = options.launch.gpu;
        const auto on_gpu = [&]<class T>(T type) {
            const Model plain(config);
            const GpuSpare spare(where, options.sequences_at_once() * chunks.context(), chunks.context(),
                                 plain.layout(), plain.options().block.attention.heads, sizeof(T) < sizeof(float),
                                 world.size() > 1);
            const Model model(config, choose(type, gpu_memory(where.index) - spare.scratch - spare.libraries));
            const double scratch = activation_bytes<T>(options, chunks.context(), model) + spare.scratch;
            CudaOptions gpu = where.cuda();
            gpu.scratch_bytes = static_cast<std::size_t>(scratch);
            BasicCuda<T> device(gpu);
            return Training(device, options, world, chunks, model)();
        };
        return where.precision == "fp32" ? on_gpu(float{}) : on_gpu(bf16{});
    }
#endif
    const double share = rank_share_of_memory(world);
    Cpu meeting({.threads = 1});
    const int threads = threads_per_rank(meeting, world);  // all ranks call both
    const Model model(config, choose(float{}, share));
    Cpu device({.threads = where.threads > 0 ? where.threads : threads});
    return Training(device, options, world, chunks, model)();
}

int run(Options& options) {
    options.where.check();
    options.launch.check(options.where.on_gpu());
    if (options.moments == "bf16" && !options.where.on_gpu()) {
        throw Error(ErrorCode::unsupported, "pretrain", "--moments bf16 is for --device cuda");
    }
    std::optional<AnyCommunicator> joined = options.launch.join();
    if (options.data.empty()) options.data = options.run / "data";
    const TokenChunks chunks(
        options.data,
        {.batch_size = options.batch, .seed = options.seed, .separate_documents = options.separate_documents});
    int code = 0;
    const auto start = [&](auto config) {
        using Config = typename decltype(config)::Model::Config;
        if (options.init.empty()) {
            config.fit(chunks.vocabulary(), chunks.context());
        } else if (config.vocab_size < chunks.vocabulary()) {
            throw Error(ErrorCode::value, "pretrain",
                        "the data has ids beyond the vocabulary of the model to start from");
        }
        if (!options.init.empty()) check_weights(typename Config::Model(config), options.init);
        options.launch.run(joined, [&](AnyCommunicator& world) {
            const int own = run_rank(options, world, chunks, config);
            if (world.rank() == 0 || options.launch.comm != "threads") code = own;
        });
    };
    if (options.init.empty()) {
        visit_preset(options.model, options.preset, start);
    } else {
        visit_config(options.init, start);
    }
    return code;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Trains a model on prepared chunks. Exit code 75: stopped by a signal after saving; start again to go "
        "on."};
    Options options;
    options.add_to(app);
    StopSignals::listen();
    try {
        app.parse(argc, argv);
        return run(options);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 1;  // --help is one of them
    } catch (const std::exception& error) {
        std::cerr << std::string("pretrain: ") + error.what() + "\n";
        return 1;
    }
}
