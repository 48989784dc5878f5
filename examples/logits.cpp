// logits: token ids -> logits of every position, for any checkpoint of a supported family.

#include "device_choice.hpp"

#include <lapidary/checkpoint/model_weights.hpp>
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

template <Device D, class Model>
void write_logits(D& device, const Model& model, const fs::path& directory, const fs::path& input,
                  const fs::path& output) {
    auto weights = model_weights(device, model, directory);

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
        const auto ids = device.scratch().template allocate<std::int32_t, 2>({1, time});
        device.upload(tokens.data() + b * time, ids.data, static_cast<std::size_t>(time) * sizeof(std::int32_t));
        model.logits(device, weights.view(), ids, logits);
        writer.append(std::span<const float>(read_accumulators(device, logits.flat())));
    }
    writer.finish();
    fs::rename(partial, output);
    std::printf("%s: logits [%ld, %ld, %ld]\n", output.c_str(), batch, time, model.vocabulary());
}

void run(const DeviceChoice& where, const fs::path& directory, const fs::path& input, const fs::path& output) {
    visit_config(directory, [&](const auto& found) {
        const typename std::decay_t<decltype(found)>::Model model(found);
        where.visit([&](auto& device) { write_logits(device, model, directory, input, output); });
    });
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Writes the logits of a checkpoint for given token ids."};
    fs::path model, tokens, out;
    DeviceChoice where;
    app.add_option("--model", model, "Hugging Face directory")->required();
    app.add_option("--tokens", tokens, "safetensors file with `tokens` [B, T], I32 or I64")->required();
    app.add_option("--out", out, "safetensors file to write: `logits` [B, T, V], F32")->required();
    where.add_to(app);
    try {
        app.parse(argc, argv);
        run(where, model, tokens, out);
        return 0;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 1;
    } catch (const std::exception& error) {
        std::cerr << "logits: " << error.what() << "\n";
        return 1;
    }
}
