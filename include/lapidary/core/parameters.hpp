#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/parameter_layout.hpp>
#include <lapidary/core/tensor.hpp>
#include <lapidary/core/view.hpp>

#include <type_traits>

namespace lapidary {

template <class T>
struct Parameters;

/// Parameters that are not all at hand at once, as when ranks hold a part each.
template <class T>
class UnitSource {
public:
    /// The parameters of a unit, valid until it is closed. The units open at once are one, or neighbours, or
    /// the first and the last where the layout says so. Each gradient unit is opened and closed once a
    /// micro-batch.
    virtual Parameters<T> open(Index unit) = 0;
    /// Whoever opened the unit is done with it: gradients are complete as far as this micro-batch goes.
    virtual void close(Index unit) = 0;
    /// Elements of the whole flat vector.
    [[nodiscard]] virtual Index size() const = 0;

protected:
    UnitSource() = default;
    UnitSource(const UnitSource&) = default;
    UnitSource& operator=(const UnitSource&) = default;
    ~UnitSource() = default;
};

/// A flat vector seen through slots: `weights[slot]` is a view of that parameter. The same model runs over
/// weights, gradients, moments or any checkpoint by being handed another one of these. It owns nothing, and
/// whoever makes one out of a tensor keeps the tensor.
///
/// It may be all of a model's parameters or those of one unit, or stand for a `UnitSource`. Who computes opens the
/// unit it is about to use (`open`, `close`); where all parameters are at hand that costs nothing.
template <class T>
struct Parameters {
    View<T, 1> flat;
    Index first = 0;                  ///< where `flat` begins in the layout
    UnitSource<T>* source = nullptr;  ///< if there is one, `flat` is empty
    View<T, 1> adapters{};            ///< those of adapters; empty: adapters are left out
    Index first_adapter = 0;          ///< where `adapters` begins in their layout

    Parameters() = default;
    Parameters(View<T, 1> vector) : flat(vector) {}  // NOLINT: a flat vector is what parameters are
    Parameters(View<T, 1> part, Index begin) : flat(part), first(begin) {}
    Parameters(UnitSource<T>& units) : source(&units) {}  // NOLINT: so is what hands out its pieces

    template <class U>
        requires(std::is_same_v<const U, T> && !std::is_same_v<U, T>)
    Parameters(View<U, 1> vector) : flat(vector) {}  // NOLINT: mutable to const is implicit
    template <class U>
        requires(std::is_same_v<const U, T> && !std::is_same_v<U, T>)
    Parameters(Parameters<U> other)
        : flat(other.flat),  // NOLINT: mutable to const is implicit
          first(other.first),
          adapters(other.adapters),
          first_adapter(other.first_adapter) {}

    template <Device D>
    Parameters(Tensor<std::remove_const_t<T>, 1, D>& vector) : flat(vector.view()) {}  // NOLINT: as from its view
    template <Device D>
        requires std::is_const_v<T>
    Parameters(const Tensor<std::remove_const_t<T>, 1, D>& vector) : flat(vector.view()) {}  // NOLINT: the same

    /// Throws Error(unsupported) where gradients are not wanted (`frozen`): there is no place for them.
    template <std::size_t Rank>
    View<T, Rank> operator[](const Slot<Rank>& slot) const {
        if (!std::is_const_v<T> && frozen()) refuse();
        return {flat.data + (slot.offset - first), slot.shape};
    }
    template <std::size_t Rank>
    View<T, Rank> operator[](const AdapterSlot<Rank>& slot) const {
        return {adapters.data + (slot.slot.offset - first_adapter), slot.slot.shape};
    }
    View<T, 1> operator[](const Leaf& leaf) const { return {flat.data + (leaf.offset - first), {leaf.size()}}; }

    /// These with adapters, of all units or of one.
    [[nodiscard]] Parameters with_adapters(View<T, 1> vector, Index begin = 0) const {
        Parameters both = *this;
        both.adapters = vector;
        both.first_adapter = begin;
        return both;
    }
    /// Of what was opened: gradients of nothing but adapters are wanted.
    [[nodiscard]] bool frozen() const { return flat.data == nullptr; }
    [[nodiscard]] bool adapted() const { return adapters.data != nullptr; }

    [[nodiscard]] Index size() const { return source != nullptr ? source->size() : flat.size(); }
    [[nodiscard]] Parameters open(Index unit) const { return source != nullptr ? source->open(unit) : *this; }
    void close(Index unit) const {
        if (source != nullptr) source->close(unit);
    }

private:
    [[noreturn]] static void refuse() {
        throw Error(ErrorCode::unsupported, "gradients",
                    "a layer adds to those of a parameter that is frozen, as beside adapters: it must look at "
                    "gradients.frozen() first, or use Linear and gradient_of (nn/frozen.hpp)");
    }
};

/// Read-only parameters, as layers see weights.
template <class T>
using Weights = Parameters<const T>;
/// Parameters to accumulate into, as layers see gradients.
template <class T>
using Gradients = Parameters<T>;

}  // namespace lapidary
