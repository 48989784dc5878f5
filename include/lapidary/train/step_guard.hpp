#pragma once

#include <lapidary/train/record.hpp>

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <deque>
#include <string>

namespace lapidary {

/// Finds steps that should not change the weights: whose loss or gradient norm is not finite, or far above those
/// of the steps before. A function of the records it has seen, so that a run that resumes decides as one that did
/// not. Source: the form, and the number of steps, are those of karpathy/llm.c's outlier detector.
class StepGuard {
public:
    static constexpr std::size_t window = 128;

    /// `deviations`: how many standard deviations above the mean of the last `window` steps are too far; 0: any
    /// finite number will do. Before as many steps were seen, nothing is too far.
    explicit StepGuard(double deviations = 0) : deviations_(deviations) {}

    /// What is wrong with a step, for people; empty: nothing.
    [[nodiscard]] std::string fault(const StepRecord& record) const {
        if (!std::isfinite(record.loss)) return "the loss is not finite";
        if (!std::isfinite(record.gradient_norm)) return "the gradient is not finite";
        if (std::string text = losses_.fault("loss", record.loss, deviations_); !text.empty()) return text;
        return norms_.fault("gradient norm", record.gradient_norm, deviations_);
    }
    /// Counts a step that was applied.
    void observe(double loss, double gradient_norm) {
        losses_.add(loss);
        norms_.add(gradient_norm);
    }

private:
    class Series {
    public:
        void add(double value) {
            values_.push_back(value);
            if (values_.size() > window) values_.pop_front();
        }
        [[nodiscard]] std::string fault(const char* what, double value, double deviations) const {
            if (deviations <= 0 || values_.size() < window) return {};
            double mean = 0, squares = 0;
            for (const double each : values_) mean += each / static_cast<double>(window);
            for (const double each : values_) squares += (each - mean) * (each - mean);
            const double deviation = std::sqrt(squares / static_cast<double>(window));
            if (!(value - mean > deviations * deviation)) return {};
            char text[160];
            std::snprintf(text, sizeof text,
                          "the %s %.6g is %.1f standard deviations above the mean %.6g of %zu steps", what, value,
                          (value - mean) / deviation, mean, window);
            return text;
        }

    private:
        std::deque<double> values_;
    };

    double deviations_;
    Series losses_, norms_;
};

}  // namespace lapidary
