// own_model DATA RUN [STEPS]: a model of our own sizes on a directory that `prepare` made, in a run that can be
// killed at any moment. Started again it goes on from its latest checkpoint. In the end it writes a few words.

#include <lapidary/cpu.hpp>
#include <lapidary/io/run_lock.hpp>
#include <lapidary/lapidary.hpp>
#include <lapidary/text/sentencepiece.hpp>  // opt-in: link lapidary::sentencepiece

#include <cstdio>
#include <filesystem>
#include <string>

using namespace lapidary;
namespace fs = std::filesystem;

namespace {

// Grouped queries: 6 heads share the keys and values of 2.
AmberConfig own_config(const TokenChunks& chunks) {
    return {.vocab_size = chunks.vocabulary(),
            .hidden_size = 96,
            .intermediate_size = 256,
            .num_hidden_layers = 3,
            .num_attention_heads = 6,
            .num_key_value_heads = 2,
            .max_position_embeddings = chunks.context()};
}

void train(Cpu& device, const Amber& model, const TokenChunks& chunks, const fs::path& run, Index steps) {
    const fs::path checkpoints = run / "checkpoints";
    fs::create_directories(checkpoints);
    const RunLock lock(run);  // no second process works on this run
    remove_partial_checkpoints(checkpoints);

    TrainState<Cpu> state(device, model.layout());
    if (const fs::path latest = latest_checkpoint(checkpoints); !latest.empty()) {
        read_checkpoint(device, model, state, latest);
        std::printf("going on from %s\n", latest.c_str());
    } else {
        initialize(device, model, state, {.seed = 1});
    }

    const CosineSchedule rate{.peak = 2e-3, .floor = 2e-4, .warmup_steps = 20, .total_steps = 300};
    const AdamW optimizer{.weight_decay = 0.05};
    // Four lanes are part of what is computed; two sequences at a time only say how much memory that takes.
    const StepOptions options{.micro_batch = 2, .lanes = 4, .clip_norm = 1.0};
    SingleProcess world;
    // What a killed process logged after its last checkpoint is dropped: those steps come again.
    JsonLines log(run / "metrics.jsonl", state.step);

    for (Index step = state.step; step < steps; ++step) {
        log << train_step(device, world, model, state, chunks.batch(step), optimizer, rate(step), options);
        if (state.step % 50 != 0 && state.step != steps) continue;
        const double loss = validation_loss(device, world, model, state, chunks, 16);
        log.write({{"step", step}, {"validation_loss", loss}});
        log.sync();  // the log is on disk before the checkpoint that stands for it
        save_checkpoint(device, model, state, checkpoints / ("step_" + std::to_string(state.step)),
                        {.tokenizer = chunks.directory() / "tokenizer.model"});
        std::printf("step %ld: validation loss %.3f\n", state.step, loss);
    }
}

// The prompt and what the newest checkpoint makes of it.
std::string write(Cpu& device, const Amber& model, const fs::path& run, const std::string& prompt) {
    const fs::path checkpoint = latest_checkpoint(run / "checkpoints");
    const SentencePiece tokenizer(checkpoint / "tokenizer.model");
    Tensor<float, 1, Cpu> weights(device, {model.layout().size()});
    read_weights(device, model, checkpoint, weights.view());
    std::vector<std::int32_t> ids = tokenizer.encode(prompt);
    const auto fresh = generate(device, model, weights, ids,
                                {.max_tokens = 20, .sampling = {.temperature = 0.7, .top_p = 0.9, .seed = 1}});
    ids.insert(ids.end(), fresh.begin(), fresh.end());
    return tokenizer.decode(ids);
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 3 && argc != 4) throw Error(ErrorCode::value, "own_model", "usage: own_model DATA RUN [STEPS]");
    const fs::path run = argv[2];
    const TokenChunks chunks(argv[1], {.batch_size = 16, .seed = 1});
    const Amber model{own_config(chunks)};
    Cpu device;
    train(device, model, chunks, run, argc == 4 ? std::stol(argv[3]) : 300);
    std::printf("%s\n", write(device, model, run, "The history of").c_str());
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "own_model: %s\n", error.what());
    return 1;
}
