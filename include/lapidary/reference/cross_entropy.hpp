#pragma once

#include <lapidary/ops/cross_entropy.hpp>
#include <lapidary/reference/device.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace lapidary {

inline void cross_entropy_on(Reference&, ConstView<double, 2> logits, ConstView<std::int32_t, 1> targets,
                             View<double, 1> losses) {
    for (Index n = 0; n < logits.extent(0); ++n) {
        losses[n] = 0;
        if (targets[n] < 0) continue;
        const ConstView<double, 1> row = logits.at(n);
        const double largest = *std::max_element(row.begin(), row.end());
        double total = 0;
        for (double logit : row) total += std::exp(logit - largest);
        losses[n] = largest + std::log(total) - row[targets[n]];
    }
}

inline void cross_entropy_gradient_on(Reference& device, View<double, 2> logits,
                                      ConstView<std::int32_t, 1> targets, View<double, 1> losses, double scale) {
    cross_entropy_on(device, logits, targets, losses);
    for (Index n = 0; n < logits.extent(0); ++n) {
        const View<double, 1> row = logits.at(n);
        if (targets[n] < 0) {
            std::fill(row.begin(), row.end(), 0.0);
            continue;
        }
        const double log_sum = losses[n] + row[targets[n]];
        for (double& logit : row) logit = scale * std::exp(logit - log_sum);
        row[targets[n]] -= scale;
    }
}

}  // namespace lapidary
