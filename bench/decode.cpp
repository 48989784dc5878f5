// Writing text token by token with LLaMA-shaped models of 15M and 110M parameters (the sizes of llama2.c's
// stories15M and stories110M) and random weights: tokens/s, and the fraction of the bandwidth at which memory can
// be read, since every weight is read once a token. Arguments: 15M or 110M, tokens to draw, a file to write the
// weights to in llama2.c's format. Prints one JSON object. compare_llama2c.sh runs it beside llama2.c.

#include "machine.hpp"

#include <lapidary/cpu.hpp>
#include <lapidary/lapidary.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

using namespace lapidary;

namespace {

AmberConfig config(const std::string& size) {
    if (size != "15M" && size != "110M") throw Error(ErrorCode::value, "decode", "the size is 15M or 110M");
    const bool small = size == "15M";
    AmberConfig config;
    config.hidden_size = small ? 288 : 768;
    config.intermediate_size = small ? 768 : 2048;
    config.num_hidden_layers = config.num_attention_heads = config.num_key_value_heads = small ? 6 : 12;
    config.max_position_embeddings = small ? 256 : 1024;
    config.rms_norm_eps = 1e-5;
    config.pad_token_id = -1;
    config.tie_word_embeddings = true;
    return config;
}

/// llama2.c's first format: seven integers, then every kind of matrix for all layers, then tables that it skips.
void write_llama2c(const Amber& model, Parameters<const float> weights, const char* path) {
    const AmberConfig& c = model.config();
    std::ofstream file(path, std::ios::binary);
    const auto put = [&](const float* data, Index count) {
        file.write(reinterpret_cast<const char*>(data), count * static_cast<Index>(sizeof(float)));
    };
    const Index width = c.hidden_size, inner = c.intermediate_size;
    for (const Index value : {width, inner, c.num_hidden_layers, c.num_attention_heads, c.num_key_value_heads,
                              c.vocab_size, c.max_position_embeddings}) {
        const auto word = static_cast<std::int32_t>(value);
        file.write(reinterpret_cast<const char*>(&word), sizeof word);
    }
    const auto layers = [&](const std::string& leaf, Index first_row, Index rows, Index columns) {
        for (Index i = 0; i < c.num_hidden_layers; ++i) {
            const auto part = weights[model.layout().leaf(block_name(i) + leaf)];
            put(part.data + first_row * columns, rows * columns);
        }
    };
    put(weights[model.layout().leaf("embedding")].data, c.vocab_size * width);
    layers("norm1.gain", 0, 1, width);
    for (const Index part : {0, 1, 2}) layers("attention.qkv", part * width, width, width);
    layers("attention.output", 0, width, width);
    layers("norm2.gain", 0, 1, width);
    layers("mlp.gate_up", 0, inner, width);
    layers("mlp.down", 0, width, inner);
    layers("mlp.gate_up", inner, inner, width);
    put(weights[model.layout().leaf("norm.gain")].data, width);
    const std::vector<float> tables(static_cast<std::size_t>(c.max_position_embeddings * c.head_size()));
    put(tables.data(), static_cast<Index>(tables.size()));
    if (!file.flush()) throw Error(ErrorCode::io, "decode", std::string("cannot write ") + path);
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 3 || argc > 4)
        throw Error(ErrorCode::value, "decode", "usage: bench_decode 15M|110M TOKENS [FILE]");
    const char* const threads = std::getenv("LAPIDARY_THREADS");
    Cpu device({.threads = threads == nullptr ? 0 : std::atoi(threads)});
    const Amber model(config(argv[1]));
    Tensor<float, 1, Cpu> weights(device, {model.layout().size()});
    initialize(device, model.layout(), weights.view(), {.seed = 1});
    if (argc == 4) write_llama2c(model, std::as_const(weights).view(), argv[3]);

    const std::vector<std::int32_t> prompt{1};
    const GenerateOptions options{.max_tokens = std::atol(argv[2]), .sampling = {.temperature = 0}};
    // The first token is not timed, as in llama2.c.
    std::chrono::steady_clock::time_point start;
    Index timed = -1;
    generate(device, model, weights, prompt, options, [&](std::int32_t) {
        if (++timed == 0) start = std::chrono::steady_clock::now();
    });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const double tokens = static_cast<double>(timed) / seconds;
    const double bytes = 4 * static_cast<double>(model.layout().parameter_count());
    const double bandwidth = bench::read_bandwidth(device);
    std::printf(
        "{\"size\": \"%s\", \"threads\": %d, \"tokens/s\": %.1f, \"bytes/s\": %.3g, \"read_bandwidth\": %.3g, "
        "\"bandwidth_fraction\": %.2f}\n",
        argv[1], device.threads(), tokens, tokens * bytes, bandwidth, tokens * bytes / bandwidth);
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "bench_decode: %s\n", error.what());
    return 1;
}
