#pragma once

#include <lapidary/nn/key_value_cache.hpp>
#include <lapidary/nn/linear.hpp>
#include <lapidary/nn/position_scheme.hpp>
#include <lapidary/nn/recompute.hpp>
#include <lapidary/nn/residual.hpp>
#include <lapidary/ops/attention.hpp>
#include <lapidary/ops/clamp.hpp>
#include <lapidary/ops/elementwise.hpp>

#include <cmath>
#include <span>

namespace lapidary {

/// Causal self-attention with grouped queries; `Position`, a position scheme, tells it where tokens are (`Rotary`,
/// `Alibi`). Parameters: `<name>.qkv` [(H + 2K) D, C] (queries, keys, values: one product), `<name>.output` [C, H
/// D] and, if wanted, their biases.
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
        double scale = 0;  ///< of the scores; 0: 1 / sqrt(head_size)
        Index window = 0;  ///< a token sees this many, itself the last of them; 0: all before it
        double clip = 0;   ///< limit of queries, keys and values as they leave their product; 0: none
        bool qkv_bias = false;
        bool output_bias = false;
        Initializer initial = Initializer::normal(0.02);
        Initializer output_initial = Initializer::normal(0.02);
        Recompute recompute = Recompute::nothing;
    };

    /// Saves (2H + 2K) D elements and H scalars a token, and (H + 2K) D more where they are clipped; from
    /// Recompute::qkv on H D elements and H scalars, at Recompute::block nothing. Keeps views of its
    /// input and of where documents begin.
    template <class T>
    struct Saved {
        ConstView<T, 3> x;         // [B, T, C]
        View<T, 3> qkv;            // [B, T, (H + 2K) D], with positions
        View<T, 3> clipped;        // the same before positions, if there is a limit
        View<T, 3> mixed;          // [B, T, H D], before the output product
        View<Wide<T>, 3> log_sum;  // [B, H, T]
        DocumentStarts starts;     // [B, T], set before `forward`; empty: a sequence is one document
    };

    Attention(ParameterLayout& layout, const std::string& name, const Options& options)
        : options_(check(options)),
          position_(options.position),
          qkv_(layout, name + ".qkv", {options.width, columns(), options.qkv_bias, options.initial}),
          output_(
              layout, name + ".output",
              {options.heads * options.head_size, options.width, options.output_bias, options.output_initial}) {}

    /// x, y: [B, T, C]; the first token of x is at position 0, and so is that of each document (`saved.starts`).
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 Saved<Scalar<D>>& saved) const {
        save(device, x, saved);
        ScratchScope scope(device.scratch());
        output_.forward(device, weights, mix(device, weights, saved), y);
    }

    /// y = addend + what `forward` makes of x; y may be x.
    template <Device D>
    void forward_add(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x,
                     ConstView<Scalar<D>, 3> addend, View<Scalar<D>, 3> y, Saved<Scalar<D>>& saved) const {
        save(device, x, saved);
        ScratchScope scope(device.scratch());
        output_.forward_add(device, weights, mix(device, weights, saved), addend, y);
    }

    /// As `forward` for tokens that follow others whose keys and values are in `cache`; appends theirs. Row i of x
    /// goes on with sequence `sequences[i]`. Throws Error(shape) if the cache has no room for them.
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 KeyValueCache<Scalar<D>> cache, std::span<const CachedSequence> sequences) const {
        ScratchScope scope(device.scratch());
        output_.forward(device, weights, mix(device, weights, x, cache, sequences), y);
    }

    /// The same, added to `addend`; y may be x.
    template <Device D>
    void forward_add(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x,
                     ConstView<Scalar<D>, 3> addend, View<Scalar<D>, 3> y, KeyValueCache<Scalar<D>> cache,
                     std::span<const CachedSequence> sequences) const {
        ScratchScope scope(device.scratch());
        output_.forward_add(device, weights, mix(device, weights, x, cache, sequences), addend, y);
    }

    template <Device D>
    void backward(D& device, Weights<Scalar<D>> weights, const Saved<Scalar<D>>& saved, ConstView<Scalar<D>, 3> dy,
                  View<Scalar<D>, 3> dx, Gradients<Accumulator<D>> gradients) const {
        ScratchScope scope(device.scratch());
        Saved<Scalar<D>> all = saved;
        if (!keeps(Recompute::qkv)) {
            make_room_for_qkv(device, all);
            project(device, weights, all);
        }
        if (!keeps(Recompute::block)) {
            make_room_for_mixed(device, all);
            attend(device, all);
        }
        const auto dmixed = scratch(device, all.mixed.shape);
        output_.backward(device, weights, all.mixed, dy, dmixed, gradients, Store::assign);
        const auto dqkv = scratch(device, all.qkv.shape);
        attention_gradient(device, queries(all.qkv), keys(all.qkv), values(all.qkv), rule(all.starts),
                           queries(all.mixed), all.log_sum, queries(dmixed), queries(dqkv), keys(dqkv),
                           values(dqkv));
        position_.gradient(device, queries(dqkv), keys(dqkv), {0, all.starts});
        if (options_.clip > 0) clamp_gradient(device, all.clipped.flat(), options_.clip, dqkv.flat());
        qkv_.backward(device, weights, all.x, dqkv, dx, gradients, Store::add);
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
        detail::require_scale("attention", "scale", options.scale);
        detail::require_option(options.window >= 0, "attention", "window", options.window, "not be negative");
        detail::require_scale("attention", "clip", options.clip);
        detail::require_initializer("attention", "initial", options.initial);
        detail::require_initializer("attention", "output_initial", options.output_initial);
        return options;
    }

    [[nodiscard]] Index columns() const { return (options_.heads + 2 * options_.kv_heads) * options_.head_size; }
    [[nodiscard]] AttentionRule rule(DocumentStarts starts = {}) const {
        const double usual = 1.0 / std::sqrt(static_cast<double>(options_.head_size));
        return position_.adjust(
            {.scale = options_.scale > 0 ? options_.scale : usual, .window = options_.window, .starts = starts});
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

    [[nodiscard]] bool keeps(Recompute level) const { return options_.recompute < level; }

    template <Device D>
    void make_room_for_qkv(D& device, Saved<Scalar<D>>& saved) const {
        saved.qkv = scratch(device, Shape<3>{saved.x.extent(0), saved.x.extent(1), columns()});
        if (options_.clip > 0) saved.clipped = scratch(device, saved.qkv.shape);
    }
    template <Device D>
    void make_room_for_mixed(D& device, Saved<Scalar<D>>& saved) const {
        const Index batch = saved.x.extent(0), time = saved.x.extent(1);
        saved.mixed = scratch(device, Shape<3>{batch, time, output_.inputs()});
        saved.log_sum = accumulator_scratch(device, Shape<3>{batch, options_.heads, time});
    }

    // Room for what is kept.
    template <Device D>
    void save(D& device, ConstView<Scalar<D>, 3> x, Saved<Scalar<D>>& saved) const {
        saved.x = x;
        if (keeps(Recompute::qkv)) make_room_for_qkv(device, saved);
        if (keeps(Recompute::block)) make_room_for_mixed(device, saved);
    }

    // All up to the output product: into what is kept, else into scratch.
    template <Device D>
    View<Scalar<D>, 3> mix(D& device, Weights<Scalar<D>> weights, Saved<Scalar<D>> saved) const {
        if (!keeps(Recompute::qkv)) make_room_for_qkv(device, saved);
        if (!keeps(Recompute::block)) make_room_for_mixed(device, saved);
        project(device, weights, saved);
        attend(device, saved);
        return saved.mixed;
    }

    // The same of tokens that follow others in a cache.
    template <Device D>
    View<Scalar<D>, 3> mix(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x,
                           KeyValueCache<Scalar<D>> cache, std::span<const CachedSequence> sequences) const {
        const Index batch = x.extent(0), time = x.extent(1);
        const auto qkv = scratch(device, Shape<3>{batch, time, columns()});
        const auto mixed = scratch(device, Shape<3>{batch, time, output_.inputs()});
        const auto log_sum = accumulator_scratch(device, Shape<3>{batch, options_.heads, time});
        project(device, weights, x, qkv);
        for (Index b = 0, run = 0; b < batch; b += run) {
            const auto [row, past] = sequences[static_cast<std::size_t>(b)];
            run = together(sequences.subspan(static_cast<std::size_t>(b)));
            const auto own = qkv.slice(b, run);
            const KeyValueCache<Scalar<D>> kept = cache.sequences(row, run);
            position_.apply(device, queries(own), keys(own), past);
            copy_heads(device, keys(own), kept.keys.slice(past, time));
            copy_heads(device, values(own), kept.values.slice(past, time));
            attention(device, queries(own), kept.keys.first(past + time), kept.values.first(past + time), rule(),
                      queries(mixed.slice(b, run)), log_sum.slice(b, run));
        }
        return mixed;
    }

    // How many of the sequences, from the first on, one call serves: neighbours in the cache, equally far.
    static Index together(std::span<const CachedSequence> sequences) {
        const auto [row, past] = sequences.front();
        Index count = 1;
        while (count < std::ssize(sequences) && sequences[static_cast<std::size_t>(count)].row == row + count &&
               sequences[static_cast<std::size_t>(count)].past == past) {
            ++count;
        }
        return count;
    }

    template <Device D>
    void project(D& device, Weights<Scalar<D>> weights, const Saved<Scalar<D>>& saved) const {
        project(device, weights, saved.x, saved.qkv);
        if (options_.clip > 0) copy(device, saved.qkv.flat(), saved.clipped.flat());
        position_.apply(device, queries(saved.qkv), keys(saved.qkv), {0, saved.starts});
    }
    // Queries, keys and values, not yet told of positions.
    template <Device D>
    void project(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> qkv) const {
        qkv_.forward(device, weights, x, qkv);
        if (options_.clip > 0) clamp(device, qkv.flat(), options_.clip);
    }
    template <Device D>
    void attend(D& device, const Saved<Scalar<D>>& saved) const {
        attention(device, queries(saved.qkv), keys(saved.qkv), values(saved.qkv), rule(saved.starts),
                  queries(saved.mixed), saved.log_sum);
    }

    Options options_;
    Position position_;
    Linear qkv_;
    Linear output_;
};

}  // namespace lapidary
