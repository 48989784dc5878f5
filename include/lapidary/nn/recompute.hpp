#pragma once

#include <lapidary/nn/block.hpp>

namespace lapidary {

/// A block that saves its input alone and runs forward again when its gradient is asked for: less memory, about a
/// third more time, the same bits.
template <class BlockType>
class Recompute {
    static_assert(check_block<BlockType>());

public:
    using NormLayer = typename BlockType::NormLayer;
    using Options = typename BlockType::Options;

    template <class T>
    struct Saved {
        ConstView<T, 3> x;  // [B, T, C]
    };

    Recompute(ParameterLayout& layout, const std::string& name, const Options& options)
        : block_(layout, name, options) {}

    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 Saved<Scalar<D>>& saved) const {
        saved.x = x;
        ScratchScope scope(device.scratch());
        typename BlockType::template Saved<Scalar<D>> dropped;
        block_.forward(device, weights, x, y, dropped);
    }

    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 KeyValueCache<Scalar<D>> cache, std::span<const CachedSequence> sequences) const {
        block_.forward(device, weights, x, y, cache, sequences);
    }

    template <Device D>
    void backward(D& device, Weights<Scalar<D>> weights, const Saved<Scalar<D>>& saved, View<Scalar<D>, 3> d,
                  Gradients<Accumulator<D>> gradients) const {
        ScratchScope scope(device.scratch());
        typename BlockType::template Saved<Scalar<D>> again;
        const auto y = scratch(device, saved.x.shape);
        block_.forward(device, weights, saved.x, y, again);
        block_.backward(device, weights, again, d, gradients);
    }

    static Shape<4> cache_shape(const Options& options, Index batch, Index time) {
        return BlockType::cache_shape(options, batch, time);
    }

private:
    BlockType block_;
};

}  // namespace lapidary
