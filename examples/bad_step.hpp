#pragma once

#include "trace_report.hpp"

#include <lapidary/checkpoint/decisions.hpp>
#include <lapidary/comm/any_communicator.hpp>
#include <lapidary/io/safetensors.hpp>
#include <lapidary/train/evaluate.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// Where a run keeps what it found about a step.
inline std::filesystem::path bad_step_directory(const std::filesystem::path& run, lapidary::Index step) {
    std::string number = std::to_string(step);
    number.insert(0, 8 - std::min<std::size_t>(8, number.size()), '0');
    return run / "bad_steps" / ("step_" + number);
}

/// The windows of a batch, with the loss of each in nats a token and the documents that they are from.
inline lapidary::Json windows_json(const lapidary::TokenChunks& chunks, const lapidary::Batch& batch,
                                   const std::vector<double>& losses) {
    using namespace lapidary;
    Json windows = Json::array();
    std::optional<DocumentReport> documents;
    if (std::filesystem::exists(chunks.directory() / documents_file)) documents.emplace(chunks, false);
    for (std::size_t i = 0; i < batch.rows.size(); ++i) {
        const Index row = batch.rows[i];
        const WindowOrigin origin = chunks.chunk(batch.chunk).origin(row);
        windows.push_back({{"chunk", batch.chunk},
                           {"row", row},
                           {"source", chunks.sources().at(static_cast<std::size_t>(origin.source))},
                           {"loss", detail::finite_or_name(losses[i] / static_cast<double>(batch.context))}});
        if (documents) windows.back()["documents"] = (*documents)(batch.chunk, row, 0, chunks.context() + 1);
    }
    return windows;
}

/// Writes what a bad step saw: `batch.safetensors`, the tokens; `step.json`, what was bad, and of each window its
/// loss and its documents; `metrics.jsonl`, what the run recorded until then. All ranks call it, one writes.
template <lapidary::Device D, class Model>
void write_bad_step(D& device, lapidary::AnyCommunicator& world, const Model& model,
                    lapidary::TrainState<D>& state, const lapidary::TokenChunks& chunks,
                    const lapidary::Decision& decision, lapidary::Index batch_number, lapidary::Index micro_batch,
                    const std::string& action, const std::filesystem::path& run) {
    using namespace lapidary;
    const Batch batch = chunks.batch(batch_number);
    GatheredWeights<D, AnyCommunicator> weights(device, world, state);
    const std::vector<double> losses =
        detail::sequence_losses(device, model, Weights<Scalar<D>>(weights), batch, 0, batch.batch, micro_batch);
    weights.finish();
    if (world.rank() != 0) return;
    const std::filesystem::path directory = bad_step_directory(run, decision.step);
    std::filesystem::create_directories(directory);
    SafetensorsWriter tokens(directory / "batch.safetensors",
                             {{"tokens", DType::I32, {batch.batch, batch.context + 1}}});
    tokens.append(std::span(batch.tokens));
    tokens.finish();
    Json report = to_json(decision);
    report["action"] = action;
    report["batch"] = batch_number;
    report["windows"] = windows_json(chunks, batch, losses);
    write_json(directory / "step.json", report);
    if (std::filesystem::exists(run / "metrics.jsonl")) {
        write_file_durably(directory / "metrics.jsonl", read_text(run / "metrics.jsonl"));
    }
}
