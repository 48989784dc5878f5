#pragma once

#include <lapidary/nn/check_options.hpp>
#include <lapidary/nn/key_value_cache.hpp>
#include <lapidary/nn/position_scheme.hpp>
#include <lapidary/ops/attention.hpp>
#include <lapidary/ops/elementwise.hpp>
#include <lapidary/ops/matmul.hpp>

#include <cmath>

namespace lapidary {

/// Causal self-attention with grouped queries; `Position`, a position scheme, tells it where tokens are
/// (`Rotary`). Parameters: `<name>.qkv` [(H + 2K) D, C] (queries, keys, values: one product), `<name>.output` [C,
/// H D]; no biases.
template <class Position>
class Attention {
    static_assert(check_position_scheme<Position>());

public:
    struct Options {
        Index width = 0;
        Index heads = 0;
        Index kv_heads = 0;  ///< divides heads
        Index head_size = 0;
        typename Position::Options position{};
        double deviation = 0.02;  ///< standard deviation of the initial weights
    };

    /// Saves (2H + 2K) D elements and H scalars a token; keeps a view of its input.
    template <class T>
    struct Saved {
        ConstView<T, 3> x;   // [B, T, C]
        View<T, 3> qkv;      // [B, T, (H + 2K) D], rotated
        View<T, 3> mixed;    // [B, T, H D], before the output product
        View<T, 3> log_sum;  // [B, H, T]
    };

    Attention(ParameterLayout& layout, const std::string& name, const Options& options)
        : options_(check(options)),
          position_(options.position),
          qkv_(layout.add(name + ".qkv", Shape<2>{columns(), options.width}, Role::matrix,
                          Initializer::normal(options.deviation))),
          output_(layout.add(name + ".output", Shape<2>{options.width, options.heads * options.head_size},
                             Role::matrix, Initializer::normal(options.deviation))) {}

    /// x, y: [B, T, C]; the first token of x is at position 0.
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 Saved<Scalar<D>>& saved) const {
        const Index batch = x.extent(0), time = x.extent(1);
        saved.x = x;
        saved.qkv = scratch(device, Shape<3>{batch, time, columns()});
        saved.mixed = scratch(device, Shape<3>{batch, time, options_.heads * options_.head_size});
        saved.log_sum = scratch(device, Shape<3>{batch, options_.heads, time});
        project(device, weights, x, saved.qkv, 0);
        attention(device, queries(saved.qkv), keys(saved.qkv), values(saved.qkv), rule(), queries(saved.mixed),
                  saved.log_sum);
        matmul(device, saved.mixed.rows(), weights[output_], y.rows());
    }

    /// As `forward` for tokens that follow `past` others whose keys and values are in `cache`; appends theirs.
    /// Throws Error(shape) if the cache has no room for them.
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 KeyValueCache<Scalar<D>> cache, Index past) const {
        ScratchScope scope(device.scratch());
        const Index batch = x.extent(0), time = x.extent(1);
        const auto qkv = scratch(device, Shape<3>{batch, time, columns()});
        const auto mixed = scratch(device, Shape<3>{batch, time, options_.heads * options_.head_size});
        project(device, weights, x, qkv, past);
        copy_heads(device, keys(qkv), cache.keys.slice(past, time));
        copy_heads(device, values(qkv), cache.values.slice(past, time));
        attention(device, queries(qkv), cache.keys.first(past + time), cache.values.first(past + time), rule(),
                  queries(mixed), scratch(device, Shape<3>{batch, options_.heads, time}));
        matmul(device, mixed.rows(), weights[output_], y.rows());
    }

    template <Device D>
    void backward(D& device, Weights<Scalar<D>> weights, const Saved<Scalar<D>>& saved, ConstView<Scalar<D>, 3> dy,
                  View<Scalar<D>, 3> dx, Gradients<Scalar<D>> gradients) const {
        ScratchScope scope(device.scratch());
        matmul_weight_gradient(device, dy, saved.mixed, gradients[output_]);
        const auto dmixed = scratch(device, saved.mixed.shape);
        matmul_input_gradient(device, dy.rows(), weights[output_], dmixed.rows());
        const auto dqkv = scratch(device, saved.qkv.shape);
        attention_gradient(device, queries(saved.qkv), keys(saved.qkv), values(saved.qkv), rule(),
                           queries(saved.mixed), saved.log_sum, queries(dmixed), queries(dqkv), keys(dqkv),
                           values(dqkv));
        position_.gradient(device, queries(dqkv), keys(dqkv));
        matmul_weight_gradient(device, dqkv, saved.x, gradients[qkv_]);
        matmul_input_gradient(device, dqkv.rows(), weights[qkv_], dx.rows(), Store::add);
    }

    /// Shape of the keys (and of the values) in a cache for `batch` sequences of `time` tokens.
    static Shape<4> cache_shape(const Options& options, Index batch, Index time) {
        return {batch, time, options.kv_heads, options.head_size};
    }

private:
    static const Options& check(const Options& options) {
        detail::require_extent("attention", "width", options.width);
        detail::require_extent("attention", "heads", options.heads);
        detail::require_extent("attention", "kv_heads", options.kv_heads);
        detail::require_extent("attention", "head_size", options.head_size);
        detail::require_option(options.heads % options.kv_heads == 0, "attention", "kv_heads", options.kv_heads,
                               "divide heads, " + std::to_string(options.heads));
        detail::require_deviation("attention", "deviation", options.deviation);
        return options;
    }

    [[nodiscard]] Index columns() const { return (options_.heads + 2 * options_.kv_heads) * options_.head_size; }
    [[nodiscard]] AttentionRule rule() const {
        return position_.adjust({.scale = 1.0 / std::sqrt(static_cast<double>(options_.head_size))});
    }

    template <class T>
    Heads<T> queries(View<T, 3> buffer) const {
        return heads_of(buffer, 0, options_.heads, options_.head_size);
    }
    template <class T>
    Heads<T> keys(View<T, 3> qkv) const {
        return heads_of(qkv, options_.heads * options_.head_size, options_.kv_heads, options_.head_size);
    }
    template <class T>
    Heads<T> values(View<T, 3> qkv) const {
        return heads_of(qkv, (options_.heads + options_.kv_heads) * options_.head_size, options_.kv_heads,
                        options_.head_size);
    }

    template <Device D>
    void project(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> qkv,
                 Index first_position) const {
        matmul(device, x.rows(), weights[qkv_], qkv.rows());
        position_.apply(device, queries(qkv), keys(qkv), first_position);
    }

    Options options_;
    Position position_;
    Slot<2> qkv_;
    Slot<2> output_;
};

}  // namespace lapidary
