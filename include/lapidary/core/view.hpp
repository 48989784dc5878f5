#pragma once

#include <lapidary/core/shape.hpp>

#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace lapidary {

/// A non-owning, contiguous, row-major array: a pointer and extents.
///
/// Copying a view copies the pointer. `View<T, R>` converts to `View<const T, R>`. The memory may live on any
/// device; only host code that knows it is host memory may dereference it.
template <class T, std::size_t Rank>
struct View {
    static_assert(Rank >= 1, "a view has at least one extent");

    T* data = nullptr;
    Shape<Rank> shape{};

    View() = default;
    View(T* pointer, Shape<Rank> extents) : data(pointer), shape(extents) {}

    template <class U>
        requires(std::is_same_v<const U, T> && !std::is_same_v<U, T>)
    View(View<U, Rank> other) : data(other.data), shape(other.shape) {}  // NOLINT: mutable to const is implicit

    [[nodiscard]] Index extent(int axis) const { return shape[static_cast<std::size_t>(axis)]; }
    [[nodiscard]] Index size() const {
        Index count = 1;
        for (Index extent : shape) count *= extent;
        return count;
    }
    [[nodiscard]] bool empty() const { return size() == 0; }

    T* begin() const { return data; }
    T* end() const { return data + size(); }
    T& operator[](Index i) const { return data[i]; }

    /// The sub-array at index `i` of the first axis.
    [[nodiscard]] View<T, Rank - 1> at(Index i) const
        requires(Rank > 1)
    {
        Shape<Rank - 1> rest;
        std::copy(shape.begin() + 1, shape.end(), rest.begin());
        View<T, Rank - 1> result{data, rest};
        result.data += i * result.size();
        return result;
    }

    /// `count` entries of the first axis from `first` on.
    [[nodiscard]] View slice(Index first, Index count) const {
        View result = *this;
        Index stride = 1;
        for (std::size_t axis = 1; axis < shape.size(); ++axis) stride *= shape[axis];
        result.data += first * stride;
        result.shape[0] = count;
        return result;
    }

    /// The same elements as rows: `[B, T, C]` becomes `[B*T, C]`.
    [[nodiscard]] View<T, 2> rows() const {
        const Index columns = shape.back();
        Index count = 1;
        for (std::size_t axis = 0; axis + 1 < shape.size(); ++axis) count *= shape[axis];
        return {data, {count, columns}};
    }

    /// The same elements as one axis.
    [[nodiscard]] View<T, 1> flat() const { return {data, {size()}}; }

    /// The same elements under other extents. Throws Error(shape) if the counts differ.
    template <std::size_t Other>
    [[nodiscard]] View<T, Other> reshape(Shape<Other> extents) const {
        if (element_count(extents) != size()) {
            throw Error(ErrorCode::shape, "reshape", to_string(shape) + " does not fit " + to_string(extents));
        }
        return {data, extents};
    }
};

/// A read-only view of whatever element type the argument has. Inside templates, `ConstView<T, 2>` is what an
/// op reads and `View<T, 2>` what it writes.
template <class T, std::size_t Rank>
using ConstView = View<const T, Rank>;

}  // namespace lapidary
