#pragma once

#include <lapidary/analysis/exposure.hpp>
#include <lapidary/analysis/memorization_grid.hpp>
#include <lapidary/io/descriptor.hpp>
#include <lapidary/io/safetensors_writer.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <system_error>
#include <vector>

namespace lapidary {

/// Writes the matches of a grid as they are: `matches` U8 [checkpoints, sequences, l]; of each sequence `chunk`
/// I64, `row` I64 and `source` U16 [sequences]; of each checkpoint `step` I64 [checkpoints], -1 where it is not
/// known; `times_seen` U16 [checkpoints, sequences], up to 65535, 0 also where it is not known. An older file
/// stays until this one is complete. Throws Error(io).
inline void write_memorization_tensors(const std::filesystem::path& file, const MemorizationGrid& grid,
                                       const Exposure& exposure) {
    const MemorizationSample& sample = grid.sample();
    const auto checkpoints = static_cast<Index>(grid.checkpoints().size());
    std::vector<std::int64_t> chunk, row, step;
    std::vector<std::uint16_t> source, times;
    for (const SampledWindow& window : sample.windows) {
        chunk.push_back(window.chunk);
        row.push_back(window.row);
        source.push_back(static_cast<std::uint16_t>(window.source));
    }
    for (std::size_t c = 0; c < grid.checkpoints().size(); ++c) {
        step.push_back(grid.checkpoints()[c].step.value_or(-1));
        for (Index i = 0; i < sample.size(); ++i) {
            const Index most = std::numeric_limits<std::uint16_t>::max();
            times.push_back(static_cast<std::uint16_t>(std::min(most, exposure.times_seen(c, i).value_or(0))));
        }
    }
    const std::filesystem::path partial = file.string() + ".partial";
    SafetensorsWriter writer(partial, {{"chunk", DType::I64, {sample.size()}},
                                       {"row", DType::I64, {sample.size()}},
                                       {"step", DType::I64, {checkpoints}},
                                       {"source", DType::U16, {sample.size()}},
                                       {"times_seen", DType::U16, {checkpoints, sample.size()}},
                                       {"matches", DType::U8, {checkpoints, sample.size(), sample.continuation}}});
    for (const auto* values : {&chunk, &row, &step}) writer.append(std::span(*values));
    for (const auto* values : {&source, &times}) writer.append(std::span(*values));
    for (const auto& checkpoint : grid.checkpoints()) writer.append(std::span(checkpoint.matches));
    writer.finish();
    std::error_code error;
    std::filesystem::rename(partial, file, error);
    detail::check_io(file, "replace", error);
}

}  // namespace lapidary
