#pragma once

#include <lapidary/core/tensor.hpp>
#include <lapidary/nn/key_value_cache.hpp>

#include <span>
#include <vector>

namespace lapidary {

/// Memory for the keys and values of every layer of a model: 2 * L * B * T * K * D elements.
template <Device D>
class KeyValueCaches {
public:
    /// Room for `batch` sequences of up to `time` tokens. Throws Error(shape) for counts that are negative or
    /// whose product is too large to count.
    template <class Model>
    KeyValueCaches(D& device, const Model& model, Index batch, Index time) {
        const auto [b, t, heads, size] = model.cache_shape(batch, time);
        const Index layers = model.options().layers, one = element_count(Shape<4>{b, t, heads, size});
        memory_ = Tensor<Scalar<D>, 2, D>(device, {2 * layers, one});
        for (Index i = 0; i < layers; ++i) {
            Scalar<D>* data = memory_.view().at(2 * i).data;
            const auto heads_at = [&, b = b, t = t, heads = heads, size = size](Scalar<D>* p) {
                return Heads<Scalar<D>>(p, {b, t, heads, size}, {t * heads * size, heads * size, size});
            };
            layers_.push_back({heads_at(data), heads_at(data + one)});
        }
    }

    [[nodiscard]] std::span<const KeyValueCache<Scalar<D>>> layers() const { return layers_; }

private:
    Tensor<Scalar<D>, 2, D> memory_;
    std::vector<KeyValueCache<Scalar<D>>> layers_;
};

}  // namespace lapidary
