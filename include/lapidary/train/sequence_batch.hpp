#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/nn/sequences.hpp>
#include <lapidary/ops/check.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace lapidary {

/// Throws Error(value) naming the first token outside [0, vocabulary) and where it stands.
inline void check_tokens(ConstView<std::int32_t, 2> tokens, Index vocabulary) {
    for (Index i = 0; i < tokens.size(); ++i) {
        if (tokens[i] < 0 || tokens[i] >= vocabulary) {
            throw Error(ErrorCode::value, "tokens",
                        "token " + std::to_string(tokens[i]) + " in sequence " +
                            std::to_string(i / tokens.extent(1)) + " at position " +
                            std::to_string(i % tokens.extent(1)) + " is outside the vocabulary of " +
                            std::to_string(vocabulary));
        }
    }
}

/// Windows of T + 1 tokens on a device, as inputs (the first T) and targets (the last T, -1 where they are not
/// counted), and where their documents begin. Lives in the scratch.
template <Device D>
struct SequenceBatch {
    Sequences inputs;                    // [B, T]
    ConstView<std::int32_t, 2> targets;  // [B, T]

    /// windows: [B, T + 1]; mask: [B, T], 0 where the target is not counted, or [B, 0] if all are; starts: [B, T],
    /// or [B, 0] if a window is one document; all in host memory. Throws Error(shape) if they do not fit together.
    explicit SequenceBatch(D& device, ConstView<std::int32_t, 2> windows, ConstView<std::uint8_t, 2> mask = {},
                           DocumentStarts starts = {}) {
        const Index batch = windows.extent(0), time = windows.extent(1) - 1;
        const auto require = [&](const char* what, const auto& view) {
            detail::require_shape(view.empty() || view.shape == Shape<2>{batch, time}, "batch", [&] {
                return "windows are " + detail::extents(windows) + ", the " + what + detail::extents(view);
            });
        };
        require("mask is ", mask);
        require("starts of documents are ", starts);
        const auto x = device.scratch().template allocate<std::int32_t, 2>({batch, time});
        const auto y = device.scratch().template allocate<std::int32_t, 2>({batch, time});
        std::vector<std::int32_t> first, next;
        for (Index b = 0; b < batch; ++b) {
            first.insert(first.end(), windows.at(b).begin(), windows.at(b).begin() + time);
            for (Index t = 0; t < time; ++t) {
                const bool counted = mask.empty() || mask.at(b)[t] != 0;
                next.push_back(counted ? windows.at(b)[t + 1] : -1);
            }
        }
        device.upload(first.data(), x.data, first.size() * sizeof(std::int32_t));
        device.upload(next.data(), y.data, next.size() * sizeof(std::int32_t));
        inputs.ids = x;
        targets = y;
        if (starts.empty()) return;
        const auto places = device.scratch().template allocate<std::int32_t, 2>({batch, time});
        device.upload(starts.data, places.data, static_cast<std::size_t>(starts.size()) * sizeof(std::int32_t));
        inputs.starts = places;
    }
};

}  // namespace lapidary
