#pragma once

#include <lapidary/ops/adamw.hpp>
#include <lapidary/ops/elementwise.hpp>
#include <lapidary/ops/embedding.hpp>
#include <lapidary/ops/reduce.hpp>
#include <lapidary/ops/swiglu.hpp>
#include <lapidary/reference/device.hpp>

#include <algorithm>
#include <cmath>

namespace lapidary {

inline void fill_on(Reference&, View<double, 1> x, double value) {
    for (double& element : x) element = value;
}

inline void copy_on(Reference&, ConstView<double, 1> x, View<double, 1> y) {
    for (Index i = 0; i < x.size(); ++i) y[i] = x[i];
}

inline void copy_heads_on(Reference&, Heads<const double> x, Heads<double> y) {
    for (Index b = 0; b < x.batch; ++b) {
        for (Index t = 0; t < x.time; ++t) {
            for (Index h = 0; h < x.heads; ++h) std::copy_n(x.row(b, t, h), x.size, y.row(b, t, h));
        }
    }
}

inline void add_on(Reference&, ConstView<double, 1> x, ConstView<double, 1> y, View<double, 1> out) {
    for (Index i = 0; i < x.size(); ++i) out[i] = x[i] + y[i];
}

inline void scale_on(Reference&, View<double, 1> x, double factor) {
    for (double& element : x) element *= factor;
}

template <class From, class To>
void cast_on(Reference&, View<const From, 1> x, View<To, 1> y) {
    for (Index i = 0; i < x.size(); ++i) y[i] = static_cast<To>(static_cast<float>(x[i]));
}
inline void cast_on(Reference&, ConstView<double, 1> x, View<double, 1> y) {
    for (Index i = 0; i < x.size(); ++i) y[i] = x[i];
}

inline double sum_on(Reference&, ConstView<double, 1> x) {
    double total = 0;
    for (double element : x) total += element;
    return total;
}

inline double sum_of_squares_on(Reference&, ConstView<double, 1> x) {
    double total = 0;
    for (double element : x) total += element * element;
    return total;
}

inline void embedding_on(Reference&, ConstView<double, 2> table, ConstView<std::int32_t, 1> ids, View<double, 2> out) {
    for (Index n = 0; n < ids.size(); ++n) {
        for (Index c = 0; c < table.extent(1); ++c) out.at(n)[c] = table.at(ids[n])[c];
    }
}

inline void embedding_gradient_on(Reference&, ConstView<std::int32_t, 1> ids, ConstView<double, 2> dout,
                                  View<double, 2> dtable, Index frozen_row) {
    for (Index n = 0; n < ids.size(); ++n) {
        if (ids[n] == frozen_row) continue;
        for (Index c = 0; c < dtable.extent(1); ++c) dtable.at(ids[n])[c] += dout.at(n)[c];
    }
}

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

inline void adamw_on(Reference&, View<double, 1> weights, ConstView<double, 1> gradients, View<double, 1> m,
                     View<double, 1> v, const AdamWUpdate& update) {
    for (Index i = 0; i < weights.size(); ++i) {
        const double g = gradients[i] * update.gradient_scale;
        weights[i] -= update.decay * weights[i];
        m[i] = update.beta1 * m[i] + (1 - update.beta1) * g;
        v[i] = update.beta2 * v[i] + (1 - update.beta2) * g * g;
        weights[i] -= update.step_size * m[i] / (std::sqrt(v[i]) * update.inverse_correction2 + update.epsilon);
    }
}

}  // namespace lapidary
