// logits: token ids -> logits of every position, for any checkpoint of a supported family.

#include <lapidary/cpu.hpp>
#include <lapidary/lapidary.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <iostream>

using namespace lapidary;
namespace fs = std::filesystem;

namespace {

// [B, T] ids, stored as I32 or I64.
std::vector<std::int32_t> read_tokens(const SafetensorsReader& file, Shape<2>& shape, Index vocabulary) {
    const TensorInfo& info = file.info("tokens");
    if (info.shape.size() != 2) {
        throw Error(ErrorCode::format, "logits",
                    file.path().string() + ": 'tokens' has shape " + to_string(info.shape) + ", expected [B, T]");
    }
    shape = {info.shape[0], info.shape[1]};
    std::vector<std::int32_t> tokens;
    if (info.dtype == DType::I64) {
        for (const std::int64_t id : file.read<std::int64_t>("tokens")) {
            tokens.push_back(id < 0 || id >= vocabulary ? -1 : static_cast<std::int32_t>(id));
        }
    } else {
        tokens = file.read<std::int32_t>("tokens");
    }
    check_tokens({tokens.data(), shape}, vocabulary);
    return tokens;
}

void run(const fs::path& directory, const fs::path& input, const fs::path& output, int threads) {
    Cpu device({.threads = threads});
    const Amber model{read_config<Amber::Options>(directory)};
    Tensor<float, 1, Cpu> weights(device, {model.layout().size()});
    read_weights(device, model, directory, weights.view());

    Shape<2> shape{};
    const SafetensorsReader file(input);
    const std::vector<std::int32_t> tokens = read_tokens(file, shape, model.vocabulary());
    const auto [batch, time] = shape;
    SafetensorsWriter writer(output, {{"logits", DType::F32, {batch, time, model.vocabulary()}}});
    for (Index b = 0; b < batch; ++b) {
        ScratchScope scope(device.scratch());
        const auto logits = scratch(device, Shape<3>{1, time, model.vocabulary()});
        model.logits(device, weights.view(), View<const std::int32_t, 2>{tokens.data() + b * time, {1, time}}, logits);
        writer.append(std::span<const float>(logits.data, static_cast<std::size_t>(logits.size())));
    }
    writer.finish();
    std::printf("%s: logits [%ld, %ld, %ld]\n", output.c_str(), batch, time, model.vocabulary());
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Writes the logits of a checkpoint for given token ids."};
    fs::path model, tokens, out;
    int threads = 0;
    app.add_option("--model", model, "Hugging Face directory")->required();
    app.add_option("--tokens", tokens, "safetensors file with `tokens` [B, T], I32 or I64")->required();
    app.add_option("--out", out, "safetensors file to write: `logits` [B, T, V], F32")->required();
    app.add_option("--threads", threads, "Threads [all cores]");
    try {
        app.parse(argc, argv);
        run(model, tokens, out, threads);
        return 0;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 1;
    } catch (const std::exception& error) {
        std::cerr << "logits: " << error.what() << "\n";
        return 1;
    }
}
