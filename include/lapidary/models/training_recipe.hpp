#pragma once

#include <lapidary/nn/parameter_rules.hpp>

namespace lapidary {

/// Where epsilon is added to the root of the second moment.
enum class Epsilon {
    after_correction,  ///< sqrt(v / (1 - beta2^t)) + epsilon: PyTorch
    before_correction  ///< (sqrt(v) + epsilon) / sqrt(1 - beta2^t): CrystalCoder's trainer
};

/// How a learning rate goes on after its warm-up.
enum class Decay {
    cosine,   ///< half a cosine, down to the floor
    linear,   ///< a straight line, down to the floor
    constant  ///< as high as it is
};

/// How a family was trained, as far as it is published: what `AdamW` and a schedule are made from. The defaults
/// are AMBER's.
struct TrainingRecipe {
    double beta1 = 0.9;
    double beta2 = 0.95;
    double epsilon = 1e-8;
    double weight_decay = 0.1;
    Epsilon epsilon_place = Epsilon::after_correction;
    ParameterRules rules{};
    Decay decay = Decay::cosine;  ///< of the learning rate
};

}  // namespace lapidary
