#pragma once

#include <lapidary/ops/swiglu.hpp>
#include <lapidary/reference/device.hpp>

#include <cmath>

namespace lapidary {

inline void swiglu_on(Reference&, ConstView<double, 2> gate_up, View<double, 2> out) {
    const Index width = out.extent(1);
    for (Index n = 0; n < out.extent(0); ++n) {
        for (Index c = 0; c < width; ++c) {
            const double gate = gate_up.at(n)[c];
            out.at(n)[c] = gate / (1 + std::exp(-gate)) * gate_up.at(n)[width + c];
        }
    }
}

inline void swiglu_gradient_on(Reference&, ConstView<double, 2> gate_up, ConstView<double, 2> dout,
                               View<double, 2> dgate_up) {
    const Index width = dout.extent(1);
    for (Index n = 0; n < dout.extent(0); ++n) {
        for (Index c = 0; c < width; ++c) {
            const double gate = gate_up.at(n)[c];
            const double up = gate_up.at(n)[width + c];
            const double sigmoid = 1 / (1 + std::exp(-gate));
            dgate_up.at(n)[c] = dout.at(n)[c] * up * (sigmoid + gate * sigmoid * (1 - sigmoid));
            dgate_up.at(n)[width + c] = dout.at(n)[c] * gate * sigmoid;
        }
    }
}

}  // namespace lapidary
