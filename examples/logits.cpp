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
template <class Id>
std::vector<std::int32_t> read_tokens(const SafetensorsReader& file, Index time, Index vocabulary) {
    std::vector<std::int32_t> tokens;
    for (const Id id : file.read<Id>("tokens")) {
        if (id < 0 || id >= vocabulary) {
            const auto position = static_cast<Index>(tokens.size());
            throw Error(ErrorCode::value, "logits",
                        file.path().string() + ": 'tokens' [" + std::to_string(position / time) + ", " +
                            std::to_string(position % time) + "] is " + std::to_string(id) +
                            ", the model has a vocabulary of " + std::to_string(vocabulary));
        }
        tokens.push_back(static_cast<std::int32_t>(id));
    }
    return tokens;
}

template <class Model>
void write_logits(const Model& model, const fs::path& directory, const fs::path& input, const fs::path& output,
                  int threads) {
    Cpu device({.threads = threads});
    check_weights(model, directory);  // before room is made for them
    Tensor<float, 1, Cpu> weights(device, {model.layout().size()});
    read_weights(device, model, directory, weights.view());

    if (fs::is_directory(output)) throw Error(ErrorCode::io, "logits", output.string() + ": is a directory");
    const SafetensorsReader file(input);
    const TensorInfo& info = file.info("tokens");
    if (info.shape.size() != 2 || info.shape[1] < 1 || info.shape[1] > model.context()) {
        throw Error(ErrorCode::shape, "logits",
                    file.path().string() + ": 'tokens' has shape " + to_string(info.shape) +
                        ", expected [B, T] with T from 1 to the model's " + std::to_string(model.context()));
    }
    const Index batch = info.shape[0], time = info.shape[1];
    const std::vector<std::int32_t> tokens = info.dtype == DType::I64
                                                 ? read_tokens<std::int64_t>(file, time, model.vocabulary())
                                                 : read_tokens<std::int32_t>(file, time, model.vocabulary());
    const fs::path partial = output.string() + ".partial";  // an older file stays until this one is complete
    SafetensorsWriter writer(partial, {{"logits", DType::F32, {batch, time, model.vocabulary()}}});
    for (Index b = 0; b < batch; ++b) {
        ScratchScope scope(device.scratch());
        const auto logits = scratch(device, Shape<3>{1, time, model.vocabulary()});
        model.logits(device, weights.view(), View<const std::int32_t, 2>{tokens.data() + b * time, {1, time}},
                     logits);
        writer.append(std::span<const float>(logits.data, static_cast<std::size_t>(logits.size())));
    }
    writer.finish();
    fs::rename(partial, output);
    std::printf("%s: logits [%ld, %ld, %ld]\n", output.c_str(), batch, time, model.vocabulary());
}

void run(const fs::path& directory, const fs::path& input, const fs::path& output, int threads) {
    visit_config(directory, [&](const auto& found) {
        write_logits(typename std::decay_t<decltype(found)>::Model(found), directory, input, output, threads);
    });
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
