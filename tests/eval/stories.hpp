#pragma once

#include <lapidary/checkpoint/huggingface.hpp>
#include <lapidary/core/tensor.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/models/families.hpp>

#include <filesystem>

namespace lapidary::test {

/// The published model stories260K.
struct StoryModel {
    Cpu device{{.threads = 2}};
    std::filesystem::path directory = std::filesystem::path(LAPIDARY_TEST_DATA) / "models" / "stories260K";
    Amber model{read_config<AmberConfig>(directory)};
    Tensor<float, 1, Cpu> weights{device, {model.layout().size()}};

    StoryModel() { read_weights(device, model, directory, weights.view()); }
};

}  // namespace lapidary::test
