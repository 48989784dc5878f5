#include <lapidary/cpu.hpp>       // the device
#include <lapidary/lapidary.hpp>  // models, training, prepared data

#include <cstdio>

using namespace lapidary;

// quickstart DATA OUT: trains a small AMBER for 200 steps on a directory that `prepare` made.
int main(int argc, char** argv) try {
    if (argc != 3) throw Error(ErrorCode::value, "quickstart", "usage: quickstart DATA OUT");
    const std::filesystem::path out = argv[2];

    Cpu device;                                                             // threads and scratch memory
    TokenChunks chunks(argv[1], {.batch_size = 16, .seed = 11111});         // memory-mapped, hashes verified
    Amber model{AmberConfig::nano(chunks.vocabulary(), chunks.context())};  // layers and slots, no storage
    TrainState<Cpu> state(device, model.layout());                          // weights, gradients, AdamW moments
    initialize(device, model, state, {.seed = 11111});

    CosineSchedule rate{.peak = 3e-3, .floor = 3e-4, .warmup_steps = 20, .total_steps = 200};
    AdamW optimizer{.beta1 = 0.9, .beta2 = 0.95, .weight_decay = 0.1};
    SingleProcess world;
    if (!std::filesystem::create_directories(out)) throw Error(ErrorCode::value, "quickstart", "OUT exists");
    JsonLines log(out / "metrics.jsonl", state.step);

    for (Index step = state.step; step < 200; ++step) {
        StepRecord record = train_step(device, world, model, state, chunks.batch(step), optimizer, rate(step));
        log << record;
        if (step % 20 == 19) std::printf("step %ld: loss %.3f\n", step, record.loss);
    }
    save_checkpoint(device, model, state, out / "ckpt_000", {.tokenizer = chunks.directory() / "tokenizer.model"});
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "quickstart: %s\n", error.what());
    return 1;
}
