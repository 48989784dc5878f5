#pragma once

#include <lapidary/ops/check.hpp>

#include <type_traits>

namespace lapidary {

/// Attention heads inside a larger buffer: element (b, t, h, i) lies at
/// `data[b * batch_stride + t * time_stride + h * head_stride + i]`.
///
/// The same type describes the q, k and v parts of one fused projection `[B, T, (H + 2K) * D]` and a key-value
/// cache, so attention and rotary embedding know nothing of either layout.
template <class T>
struct Heads {
    T* data = nullptr;
    Index batch = 0, time = 0, heads = 0, size = 0;
    Index batch_stride = 0, time_stride = 0, head_stride = 0;

    Heads() = default;
    Heads(T* pointer, Shape<4> extents, Shape<3> strides)
        : data(pointer),
          batch(extents[0]),
          time(extents[1]),
          heads(extents[2]),
          size(extents[3]),
          batch_stride(strides[0]),
          time_stride(strides[1]),
          head_stride(strides[2]) {}

    template <class U>
        requires(std::is_same_v<const U, T> && !std::is_same_v<U, T>)
    Heads(Heads<U> other)  // NOLINT: mutable to const is implicit
        : Heads(other.data, other.shape(), {other.batch_stride, other.time_stride, other.head_stride}) {}

    /// The row of `size` elements of one head at one position.
    T* row(Index b, Index t, Index h) const { return data + b * batch_stride + t * time_stride + h * head_stride; }
    [[nodiscard]] Shape<4> shape() const { return {batch, time, heads, size}; }

    /// The first `count` positions. Throws Error(shape) if there are not so many.
    [[nodiscard]] Heads first(Index count) const { return slice(0, count); }
    /// `count` positions from `start` on. Throws Error(shape) if some of them are not there.
    [[nodiscard]] Heads slice(Index start, Index count) const {
        detail::require_shape(start >= 0 && count >= 0 && count <= time && start <= time - count, "heads", [&] {
            return std::to_string(count) + " positions from " + std::to_string(start) + " on are not in " +
                   to_string(shape());
        });
        Heads result = *this;
        result.data += start * time_stride;
        result.time = count;
        return result;
    }
    /// `count` sequences of the batch from `first` on. Throws Error(shape) if some of them are not there.
    [[nodiscard]] Heads sequences(Index first, Index count) const {
        detail::require_shape(first >= 0 && count >= 0 && count <= batch && first <= batch - count, "heads", [&] {
            return std::to_string(count) + " sequences from " + std::to_string(first) + " on are not in " +
                   to_string(shape());
        });
        Heads result = *this;
        result.data += first * batch_stride;
        result.batch = count;
        return result;
    }
    /// One sequence of the batch. Throws Error(shape) if it is not there.
    [[nodiscard]] Heads sequence(Index b) const {
        detail::require_shape(b >= 0 && b < batch, "heads", [&] {
            return "sequence " + std::to_string(b) + " is not in " + to_string(shape());
        });
        return sequences(b, 1);
    }
};

/// `count` heads of `size` elements each, from column `first` of the buffer `[B, T, C]` on. Throws Error(shape) if
/// the buffer has too few columns.
template <class T>
Heads<T> heads_of(View<T, 3> buffer, Index first, Index count, Index size) {
    const Index columns = buffer.extent(2);
    detail::require_shape(
        first >= 0 && first <= columns && element_count(Shape<2>{count, size}) <= columns - first, "heads", [&] {
            return std::to_string(count) + " heads of " + std::to_string(size) + " from column " +
                   std::to_string(first) + " on are not in " + detail::extents(buffer);
        });
    return {buffer.data + first,
            {buffer.extent(0), buffer.extent(1), count, size},
            {buffer.extent(1) * columns, columns, size}};
}

}  // namespace lapidary
