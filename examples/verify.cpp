// verify: trains an interval of a run again, and says whether it gives what the run published, bit for bit; or
// only compares data and checkpoints with their hashes.

#include "checks.hpp"
#include "device_choice.hpp"
#include "launch.hpp"
#include "replay_rank.hpp"

#include <lapidary/analysis/published_files.hpp>
#include <lapidary/lapidary.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>

using namespace lapidary;
namespace fs = std::filesystem;

namespace {

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorCode::value, "verify", why); }

// The step that a name or a number says.
Index step_named(const RunEvidence& evidence, const std::string& name) {
    for (const CheckpointRecord& checkpoint : evidence.checkpoints) {
        if (checkpoint.directory.filename() == name) return checkpoint.step;
    }
    if (!name.empty() && name.size() < 16 && name.find_first_not_of("0123456789") == std::string::npos) {
        return std::stol(name);
    }
    refuse("there is no checkpoint '" + name + "' in the run");
}

ReplayOptions interval(const VerifyOptions& options, const RunEvidence& evidence) {
    const auto& all = evidence.checkpoints;
    ReplayOptions replay{.micro_batch = options.micro_batch, .init = options.init};
    if (all.empty() && options.to.empty()) {
        throw Error(ErrorCode::io, "verify", options.run.string() + ": the run has no complete checkpoint yet");
    }
    replay.to = options.to.empty() ? all.back().step : step_named(evidence, options.to);
    if (!options.from.empty()) {
        replay.from = step_named(evidence, options.from);
    } else {
        for (const CheckpointRecord& one : all) {
            if (one.step < replay.to) replay.from = one.step;
        }
    }
    return replay;
}

Finding replay_run(VerifyOptions& options, std::optional<AnyCommunicator>& joined, int& threads) {
    const RunEvidence evidence = read_evidence(options.run);
    ReplayOptions replayed = interval(options, evidence);
    const RunRecord& run = evidence.run;
    if (!run.init.empty() && replayed.from == 0) {
        if (options.init.empty()) refuse("the run started from other weights: --init says where they are");
        if (weights_hash(options.init) != run.init) {
            refuse(options.init.string() + ": is not what the run started from");
        }
    }
    if (run.cuda.is_object()) {  // its bits are those of a GPU, as it was told
        options.where.device = "cuda";
        options.where.precision = run.cuda.value("precision", "bf16");
        options.where.cudnn = run.cuda.value("cudnn", false);
        replayed.micro_batch = run.cuda.value("micro-batch", Index{0});
    } else if (options.where.on_gpu()) {
        refuse("the run was trained on a CPU, and a GPU has other bits: leave out --device cuda");
    }
    options.where.check();
    options.launch.check(options.where.on_gpu());
    check_data(options.run, options.data, run.data);
    const TokenChunks chunks(
        options.data, {.batch_size = run.batch, .seed = run.seed, .separate_documents = run.separate_documents});
    Finding finding;
    visit_config(run.config, (options.run / "manifest.json").string(), [&](const auto& config) {
        options.launch.run(joined, [&](AnyCommunicator& world) {
            ReplayRank rank(options, world, evidence, chunks, replayed);
            const Finding own = rank(config);
            if (world.rank() == 0) finding = own, threads = rank.threads();
        });
    });
    return finding;
}

// Adds what was found to `run/analysis/verification.json`.
void record(const VerifyOptions& options, const Finding& finding, int ranks, int threads) {
    const fs::path file = options.run / "analysis" / "verification.json";
    fs::create_directories(file.parent_path());
    Json all{{"format", "lapidary verification 1"}, {"records", Json::array()}};
    if (fs::exists(file)) all = read_json(file);
    char date[32];
    const std::time_t now = std::time(nullptr);
    std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
    Json one{{"kind", options.hashes ? "data" : "replay"}};
    one.update(to_json(finding));
    one.update({{"threads", threads},
                {"ranks", ranks},
                {"device", options.where.device},
                {"version", version},
                {"compiler", compiler_name()},
                {"date", date}});
    if (!all.is_object() || !all["records"].is_array()) {
        throw Error(ErrorCode::format, "verify", file.string() + ": is no list of verifications");
    }
    all["records"].push_back(std::move(one));
    write_json(file, all);
}

int run(VerifyOptions& options) {
    std::optional<AnyCommunicator> joined = options.launch.join();
    const int ranks = joined ? joined->size() : options.launch.ranks;
    Finding finding;
    int threads = 0;
    try {
        finding = options.hashes ? verify_files(options.run, options.data) : replay_run(options, joined, threads);
    } catch (const Error& error) {  // what does not match its own hashes is found without training
        if (error.code() != ErrorCode::integrity) throw;
        finding.passed = false;
        finding.text = error.what();
    }
    if (!joined || joined->rank() == 0) {
        std::printf("%s: %s\n", finding.passed ? "PASS" : "FAIL", finding.text.c_str());
        try {
            record(options, finding, ranks, threads);
        } catch (const std::exception& error) {  // somebody else's run may be read-only
            std::cerr << "verify: warning: the finding was not recorded: " << error.what() << "\n";
        }
    }
    return finding.passed ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Verifies a run. Exit code 0: PASS, 1: FAIL, 2: it could not be verified."};
    VerifyOptions options;
    options.add_to(app);
    try {
        app.parse(argc, argv);
        options.hashes = app.count("--data") > 0 && options.data.empty();
        if (options.data.empty()) options.data = options.run / "data";
        return run(options);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    } catch (const std::exception& error) {
        std::cerr << "verify: " << error.what() << "\n";
        return 2;
    }
}
