#pragma once

#include <lapidary/cpu/device.hpp>
#include <lapidary/cpu/exp.hpp>
#include <lapidary/ops/swiglu.hpp>

namespace lapidary {

inline void swiglu_on(Cpu& device, ConstView<float, 2> gate_up, View<float, 2> out) {
    using namespace simd;
    const Index inner = out.extent(1);
    device.run_ranges(out.extent(0), 8, [&](Index first, Index rows, Arena&) {
        for (Index n = first; n < first + rows; ++n) {
            const float* gates = gate_up.data + n * 2 * inner;
            for_lanes(inner, [&](Index c, Index count) {
                const Lanes gate = load16(gates + c, count);
                store16(out.data + n * inner + c, gate * sigmoid(gate) * load16(gates + inner + c, count), count);
            });
        }
    });
}

inline void swiglu_gradient_on(Cpu& device, ConstView<float, 2> gate_up, ConstView<float, 2> dout,
                               View<float, 2> dgate_up) {
    using namespace simd;
    const Index inner = dout.extent(1);
    device.run_ranges(dout.extent(0), 8, [&](Index first, Index rows, Arena&) {
        for (Index n = first; n < first + rows; ++n) {
            const float* gates = gate_up.data + n * 2 * inner;
            float* dgates = dgate_up.data + n * 2 * inner;
            for_lanes(inner, [&](Index c, Index count) {
                const Lanes gate = load16(gates + c, count), up = load16(gates + inner + c, count);
                const Lanes d = load16(dout.data + n * inner + c, count);
                const Lanes s = sigmoid(gate);
                const Lanes silu = gate * s;
                // silu' = s + gate s (1 - s) = s + silu - silu s
                store16(dgates + c, d * up * (s + silu - silu * s), count);
                store16(dgates + inner + c, d * silu, count);
            });
        }
    });
}

}  // namespace lapidary
