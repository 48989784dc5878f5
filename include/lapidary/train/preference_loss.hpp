#pragma once

#include <lapidary/core/error.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace lapidary {

/// What a pair of replies costs, as a function of how far the model has come to prefer the chosen one: h = (log
/// pi(chosen) - log pi(rejected)) - (log ref(chosen) - log ref(rejected)), each the sum over the tokens of a reply
/// that count, pi the model that is trained and ref the frozen one that it started from.
///
/// Sources: Rafailov et al., "Direct Preference Optimization", 2023; Azar et al., "A General Theoretical Paradigm
/// to Understand Learning from Human Preferences", 2023 (IPO); label smoothing as in
/// eric-mitchell/direct-preference-optimization (trainers.py), with which AMBERSAFE was aligned.
struct PreferenceLoss {
    enum class Kind {
        dpo,  ///< -(1 - s) log sigmoid(beta h) - s log sigmoid(-beta h), s being `label_smoothing`
        ipo,  ///< (h - 1 / (2 beta))^2
    };
    Kind kind = Kind::dpo;
    double beta = 0.1;           ///< how closely the model is held to where it started
    double label_smoothing = 0;  ///< of DPO: the share of pairs taken to be labelled the wrong way round

    /// Throws Error(value) naming an option that is out of its range.
    void check() const {
        const auto refuse = [](const std::string& why) { throw Error(ErrorCode::value, "preference_loss", why); };
        if (!(beta > 0) || !std::isfinite(beta))
            refuse("beta is " + std::to_string(beta) + ", it must be positive");
        if (!(label_smoothing >= 0 && label_smoothing < 0.5)) {
            refuse("label_smoothing is " + std::to_string(label_smoothing) + ", it must be in [0, 0.5)");
        }
        if (kind != Kind::dpo && label_smoothing != 0) refuse("label_smoothing is DPO's alone");
    }

    [[nodiscard]] double loss(double h) const {
        switch (kind) {
            case Kind::dpo:
                return (1 - label_smoothing) * softplus(-beta * h) + label_smoothing * softplus(beta * h);
            case Kind::ipo:
                return (h - 1 / (2 * beta)) * (h - 1 / (2 * beta));
        }
        return 0;
    }
    /// The derivative of `loss`.
    [[nodiscard]] double gradient(double h) const {
        switch (kind) {
            case Kind::dpo:
                return beta * (label_smoothing * sigmoid(beta * h) - (1 - label_smoothing) * sigmoid(-beta * h));
            case Kind::ipo:
                return 2 * (h - 1 / (2 * beta));
        }
        return 0;
    }

private:
    // log(1 + e^x), to full precision for any x.
    static double softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }
    static double sigmoid(double x) { return x > 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }
};

/// The losses by name, as manifests and options have them: `preference_loss_names[kind]`.
inline constexpr std::array<std::string_view, 2> preference_loss_names{"dpo", "ipo"};
inline std::string name_of(PreferenceLoss::Kind kind) {
    return std::string(preference_loss_names[static_cast<std::size_t>(kind)]);
}

/// h of the pair whose chosen reply is sequence `i`, and whose rejected one is the next.
inline double preference_of(std::span<const double> log_probs, std::span<const double> reference, std::size_t i) {
    return (log_probs[i] - log_probs[i + 1]) - (reference[i] - reference[i + 1]);
}

}  // namespace lapidary
