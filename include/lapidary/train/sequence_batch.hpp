#pragma once

#include <lapidary/core/device.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace lapidary {

/// Throws Error(value) naming the first token outside [0, vocabulary) and where it stands.
inline void check_tokens(ConstView<std::int32_t, 2> tokens, Index vocabulary) {
    for (Index i = 0; i < tokens.size(); ++i) {
        if (tokens[i] < 0 || tokens[i] >= vocabulary) {
            throw Error(ErrorCode::value, "tokens",
                        "token " + std::to_string(tokens[i]) + " in sequence " + std::to_string(i / tokens.extent(1)) +
                            " at position " + std::to_string(i % tokens.extent(1)) + " is outside the vocabulary of " +
                            std::to_string(vocabulary));
        }
    }
}

/// Windows of T + 1 tokens on a device, as inputs (the first T) and targets (the last T). Lives in the scratch.
template <Device D>
struct SequenceBatch {
    ConstView<std::int32_t, 2> inputs;   // [B, T]
    ConstView<std::int32_t, 2> targets;  // [B, T]

    /// windows: [B, T + 1], in host memory.
    SequenceBatch(D& device, ConstView<std::int32_t, 2> windows)
        : inputs(copy(device, windows, 0)), targets(copy(device, windows, 1)) {}

private:
    static ConstView<std::int32_t, 2> copy(D& device, ConstView<std::int32_t, 2> windows, Index shift) {
        const Index batch = windows.extent(0), time = windows.extent(1) - 1;
        const auto view = device.scratch().template allocate<std::int32_t, 2>({batch, time});
        for (Index b = 0; b < batch; ++b) {
            device.upload(windows.at(b).data + shift, view.at(b).data, static_cast<std::size_t>(time) * sizeof(std::int32_t));
        }
        return view;
    }
};

}  // namespace lapidary
