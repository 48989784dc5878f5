#pragma once

#include <lapidary/ops/check.hpp>
#include <lapidary/train/json_lines.hpp>
#include <lapidary/train/preference_loss.hpp>
#include <lapidary/train/record.hpp>

#include <span>
#include <string>

namespace lapidary {

/// What a step on preferences did: means over the pairs of its batch, before the update. A reply's reward is beta
/// * (log pi - log ref), what the model has come to give it more than the reference does.
struct PreferenceRecord : StepRecord {
    double chosen_reward = 0;
    double rejected_reward = 0;
    double accuracy = 0;  ///< share of pairs whose chosen reply has the higher reward
    double margin = 0;    ///< chosen reward - rejected reward
    double chosen_log_prob = 0;
    double rejected_log_prob = 0;
};

inline Json to_json(const PreferenceRecord& record) {
    return to_json(static_cast<const StepRecord&>(record), {{"chosen_reward", record.chosen_reward},
                                                            {"rejected_reward", record.rejected_reward},
                                                            {"accuracy", record.accuracy},
                                                            {"margin", record.margin},
                                                            {"chosen_log_prob", record.chosen_log_prob},
                                                            {"rejected_log_prob", record.rejected_log_prob}});
}

/// Of pairs, the chosen reply before the rejected one: the log-probabilities of their tokens, summed, by the model
/// and by the reference, in nats. Sums are taken in the order of the pairs. Throws Error(shape) unless both are of
/// pairs, of equally many and of some.
inline PreferenceRecord measure_preferences(std::span<const double> log_probs, std::span<const double> reference,
                                            const PreferenceLoss& loss) {
    detail::require_shape(!log_probs.empty() && log_probs.size() % 2 == 0 && reference.size() == log_probs.size(),
                          "preferences", [&] {
                              return std::to_string(log_probs.size()) + " log-probabilities of the model and " +
                                     std::to_string(reference.size()) + " of the reference: a pair is two of each";
                          });
    PreferenceRecord record;
    const double pairs = static_cast<double>(log_probs.size() / 2);
    for (std::size_t i = 0; i + 1 < log_probs.size(); i += 2) {
        const double chosen = loss.beta * (log_probs[i] - reference[i]);
        const double rejected = loss.beta * (log_probs[i + 1] - reference[i + 1]);
        record.loss += loss.loss(preference_of(log_probs, reference, i));
        record.chosen_reward += chosen;
        record.rejected_reward += rejected;
        record.accuracy += chosen > rejected ? 1 : 0;
        record.chosen_log_prob += log_probs[i];
        record.rejected_log_prob += log_probs[i + 1];
    }
    record.margin = record.chosen_reward - record.rejected_reward;
    for (double* value : {&record.loss, &record.chosen_reward, &record.rejected_reward, &record.accuracy,
                          &record.margin, &record.chosen_log_prob, &record.rejected_log_prob}) {
        *value /= pairs;
    }
    return record;
}

}  // namespace lapidary
