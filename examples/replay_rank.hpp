#pragma once

#ifdef LAPIDARY_CUDA
#include "gpu_memory.hpp"
#endif
#include "launch.hpp"
#include "pinned_products.hpp"
#include "progress.hpp"

#include <lapidary/analysis/replay.hpp>
#include <lapidary/comm/agreement.hpp>
#include <lapidary/counting.hpp>
#include <lapidary/lapidary.hpp>
#include <lapidary/train/plan.hpp>

#include <cstddef>
#include <filesystem>
#include <string>

/// What `verify` is told.
struct VerifyOptions {
    std::filesystem::path run, data, init;
    std::string from, to;
    bool hashes = false;
    lapidary::Index micro_batch = 0;
    int zero = 0;
    std::string recompute;
    RankLaunch launch;
    DeviceChoice where;

    void add_to(CLI::App& app) {
        app.add_option("--run", run, "Directory of the run")->required();
        app.add_option("--data", data,
                       "Prepared chunks [RUN/data]. Without a value: only compare data and checkpoints with their "
                       "hashes, and train nothing")
            ->expected(0, 1);
        app.add_option("--from", from, "Where to begin: a step, or the name of a checkpoint [the last but one]");
        app.add_option("--to", to, "Where to end: a step, or the name of a checkpoint [the last]");
        app.add_option("--init", init, "The weights that the run started from, if it did");
        app.add_option("--micro-batch", micro_batch, "Sequences in flight; changes memory [a lane]")
            ->check(number_in(0));
        app.add_option("--zero", zero, "What ranks keep only their shard of, as in `pretrain`")
            ->check(CLI::Range(0, 3));
        app.add_option("--recompute", recompute,
                       "What is computed again instead of kept; same results [nothing; on a GPU block]")
            ->check(CLI::IsMember({"nothing", "norms", "mlp", "qkv", "block"}));
        launch.add_to(app);
        where.add_to(app);
    }
    /// The level of recomputation for models of a type.
    template <class Model>
    [[nodiscard]] lapidary::Recompute level() const {
        using namespace lapidary;
        const std::string name = !recompute.empty() ? recompute : where.on_gpu() ? "block" : "nothing";
        for (const Recompute level : recompute_levels) {
            if (name_of(level) == name && Model::takes_recompute) return level;
        }
        return Recompute::nothing;
    }
};

/// One rank's part of a replay, where it computes.
class ReplayRank {
public:
    ReplayRank(const VerifyOptions& options, lapidary::AnyCommunicator& world,
               const lapidary::RunEvidence& evidence, const lapidary::TokenChunks& chunks,
               const lapidary::ReplayOptions& replayed)
        : options_(options), world_(world), evidence_(evidence), chunks_(chunks), replayed_(replayed) {}

    /// Threads it computed with; 0: a GPU.
    [[nodiscard]] int threads() const { return threads_; }

    template <class Config>
    lapidary::Finding operator()(const Config& config) {
        using namespace lapidary;
        using Model = typename Config::Model;
        const Model model(config, options_.template level<Model>());
#ifdef LAPIDARY_CUDA
        if (options_.where.on_gpu()) {
            return options_.where.precision == "fp32" ? on_gpu<float>(model) : on_gpu<bf16>(model);
        }
#endif
        Cpu meeting({.threads = 1});
        const int share = threads_per_rank(meeting, world_);  // all ranks call it
        threads_ = options_.where.threads > 0 ? options_.where.threads : share;
        Cpu device({.threads = threads_});
        return run(device, model);
    }

private:
#ifdef LAPIDARY_CUDA
    template <class T, class Model>
    lapidary::Finding on_gpu(const Model& model) {
        using namespace lapidary;
        DeviceChoice where = options_.where;
        if (options_.launch.gpu >= 0) where.index = options_.launch.gpu;
        const Index lane = std::max<Index>(1, evidence_.run.batch / evidence_.run.lanes),
                    context = chunks_.context();
        const Index sequences = replayed_.micro_batch > 0 ? std::min(replayed_.micro_batch, lane) : lane;
        const GpuSpare spare(where, sequences * context, context, model.layout(),
                             model.options().block.attention.heads, sizeof(T) < sizeof(float), world_.size() > 1);
        BasicCounting<T> counting(std::size_t{1} << 41);
        CudaOptions gpu = where.cuda();
        gpu.scratch_bytes =
            plan_step(counting, model, sequences, context).activations + static_cast<std::size_t>(spare.scratch);
        BasicCuda<T> device(gpu);
        return run(device, model);
    }
#endif

    template <lapidary::Device D, class Model>
    lapidary::Finding run(D& device, const Model& model) {
        using namespace lapidary;
        require_agreement(device, world_, seen());
        const bool narrow =
            evidence_.run.cuda.is_object() && evidence_.run.cuda.value("moments", "full") == "bf16";
        TrainState<D> state(
            device, model.layout(),
            {.ranks = world_.size(), .rank = world_.rank(), .zero = static_cast<Zero>(options_.zero)},
            narrow ? Moments::bf16 : Moments::full);
        pin_products(device, options_.run / "products.json");
        Progress bar("verify", world_.rank() == 0 ? replayed_.to - replayed_.from : 0);
        ReplayOptions replayed = replayed_;
        replayed.progress = [&](Index done) {
            if (world_.rank() == 0) bar.update(done);
        };
        return replay(device, world_, model, state, chunks_, evidence_, replayed);
    }

    /// What each rank has read of the run by itself, and must have read alike.
    [[nodiscard]] lapidary::Json seen() const {
        using namespace lapidary;
        Json checkpoints = Json::array();
        for (const CheckpointRecord& one : evidence_.checkpoints) {
            if (one.step > replayed_.to) break;  // the run may still train
            checkpoints.push_back({one.directory.filename().string(), one.step});
        }
        Json steps = Json::array();
        for (const auto& [step, record] : evidence_.digests) {
            if (step < replayed_.to) steps.push_back(step);
        }
        return {{"from", replayed_.from}, {"to", replayed_.to},
                {"zero", options_.zero},  {"checkpoints", checkpoints},
                {"digests", steps},       {"decisions", evidence_.run.decisions.list().size()}};
    }

    const VerifyOptions& options_;
    lapidary::AnyCommunicator& world_;
    const lapidary::RunEvidence& evidence_;
    const lapidary::TokenChunks& chunks_;
    const lapidary::ReplayOptions& replayed_;
    int threads_ = 0;
};
