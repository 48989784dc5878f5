#pragma once

#include <lapidary/analysis/data_section.hpp>
#include <lapidary/analysis/memorization_section.hpp>
#include <lapidary/analysis/record_section.hpp>
#include <lapidary/analysis/samples_section.hpp>
#include <lapidary/analysis/task_scores.hpp>
#include <lapidary/analysis/training_section.hpp>
#include <lapidary/checkpoint/manifest.hpp>
#include <lapidary/core/version.hpp>
#include <lapidary/io/safetensors.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace lapidary {

namespace detail {

/// Elements of the weights that a checkpoint holds, which counts those that are shared once.
inline Json parameter_count(const std::vector<ListedCheckpoint>& checkpoints) {
    for (auto one = checkpoints.rbegin(); one != checkpoints.rend(); ++one) {
        if (!one->problem.empty()) continue;
        Index count = 0;
        for (const auto& file : std::filesystem::directory_iterator(one->directory)) {
            if (file.path().extension() != ".safetensors") continue;
            const SafetensorsReader weights(file.path());
            for (const TensorInfo& tensor : weights.tensors()) {
                Index elements = 1;
                for (const Index extent : tensor.shape) elements *= extent;
                count += elements;
            }
        }
        return count;
    }
    return nullptr;
}

/// `run/manifest.json`; null for a run that only has a log.
inline Json run_manifest(const std::filesystem::path& run) {
    const auto manifest = read_if_there(run / "manifest.json", run_format);
    return manifest ? *manifest : Json();
}

}  // namespace detail

/// The log of a run; empty if none is there yet. Throws what `read_metrics` throws.
inline RunMetrics run_metrics(const std::filesystem::path& run) {
    const std::filesystem::path file = run / "metrics.jsonl";
    std::error_code failure;
    return std::filesystem::exists(file, failure) ? read_metrics(file) : RunMetrics{};
}

/// Everything that the page of a run shows, a member a section; a section whose input is not there has one member
/// `missing`, a sentence. A function of the files alone. `data`: the prepared directory. `points`: of a curve.
/// Throws Error(io) for a directory that is no run, and Error naming the file and place for what is damaged.
inline Json run_report(const std::filesystem::path& run, const std::filesystem::path& data, Index points = 2000) {
    std::error_code failure;
    if (!std::filesystem::exists(run / "manifest.json", failure) &&
        !std::filesystem::exists(run / "metrics.jsonl", failure)) {
        throw Error(ErrorCode::io, "report",
                    run.string() + ": has neither manifest.json nor metrics.jsonl; `pretrain --run` makes a run");
    }
    const Json manifest = detail::run_manifest(run);
    const Json definition = detail::member(manifest, "definition");
    const auto checkpoints = list_checkpoints(run / "checkpoints");
    const Json hash = detail::member(definition, "data");
    const std::filesystem::path whole = std::filesystem::absolute(run).lexically_normal();
    return {{"format", "lapidary report 1"},
            {"version", version},
            {"name", (whole.has_filename() ? whole : whole.parent_path()).filename().string()},
            {"model", detail::member(definition, "model")},
            {"planned_steps", detail::member(definition, "steps")},
            {"parameters", detail::parameter_count(checkpoints)},
            {"training", training_section(run_metrics(run), points)},
            {"evaluation", evaluation_section(read_task_scores(run))},
            {"memorization", memorization_section(run)},
            {"data", data_section(data, hash.is_string() ? hash.get<std::string>() : "")},
            {"samples", samples_section(run)},
            {"record", record_section(run, manifest, checkpoints)}};
}

}  // namespace lapidary
