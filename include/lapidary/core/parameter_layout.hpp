#pragma once

#include <lapidary/core/adapter_plan.hpp>
#include <lapidary/core/range.hpp>
#include <lapidary/core/shape.hpp>

#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary {

/// What a parameter is for: what a rule for some parameters (decay, rates, analysis) may ask, instead of names or
/// positions in a list. How a parameter starts is said by its `Initializer`, not by its role.
enum class Role { embedding, matrix, bias, norm, head, adapter };

/// How a parameter starts.
struct Initializer {
    enum class Kind { normal, truncated_normal, uniform, constant };
    Kind kind = Kind::constant;
    double value = 0.0;   ///< standard deviation (before truncation), bound, or the constant
    Index zero_row = -1;  ///< this row starts at zero (a padding row); -1: none

    static Initializer normal(double deviation, Index zero_row = -1) {
        return {Kind::normal, deviation, zero_row};
    }
    /// Normal, drawn again until it lies within two standard deviations; no correction of the variance.
    static Initializer truncated_normal(double deviation) { return {Kind::truncated_normal, deviation, -1}; }
    /// Uniform in [-bound, bound).
    static Initializer uniform(double bound) { return {Kind::uniform, bound, -1}; }
    static Initializer constant(double value) { return {Kind::constant, value, -1}; }
};

/// Where a parameter lives in the flat vector, and its shape.
template <std::size_t Rank>
struct Slot {
    Index offset = 0;
    Shape<Rank> shape{};
};

/// The same in the vector of adapters.
template <std::size_t Rank>
struct AdapterSlot {
    Slot<Rank> slot{};
};

/// A named parameter, for whoever walks the model: initialisation, checkpoints, analysis.
struct Leaf {
    std::string name;
    Role role;
    Initializer initializer;
    std::vector<Index> shape;
    Index offset;

    [[nodiscard]] Index size() const { return element_count(shape); }
};

/// The catalogue of a model's parameters: layers register slots, everything else reads leaves.
///
/// Weights, gradients and moments are flat vectors of `size()` elements with the same offsets. Every leaf starts
/// at a multiple of 64 bytes in any element type; the gaps between leaves are zero and stay zero.
///
/// The parameters of adapters, where a plan asks for some, have a catalogue and vectors of their own, in the same
/// units: they may learn while all others are frozen.
class ParameterLayout {
public:
    static constexpr Index alignment = 32;  // elements: 64 bytes of the narrowest type, bf16

    explicit ParameterLayout(AdapterPlan plan = {}) : plan_(std::move(plan)) {
        if (!plan_.empty()) adapters_.emplace_back();
    }

    /// Registers a parameter under a dotted name. Throws Error(value) if the name is taken, Error(shape) for a
    /// negative extent or more elements than can be counted; then the layout is as it was.
    template <std::size_t Rank>
    Slot<Rank> add(std::string name, Shape<Rank> shape, Role role, Initializer initializer) {
        for (const Leaf& leaf : leaves_) {
            if (leaf.name == name)
                throw Error(ErrorCode::value, "layout", "parameter '" + name + "' exists already");
        }
        const Index count = element_count(shape);
        if (count > std::numeric_limits<Index>::max() - size_ - alignment) {
            throw Error(ErrorCode::shape, "layout",
                        "too many parameters: '" + name + "' " + to_string(shape) + " after " +
                            std::to_string(size_) + " others");
        }
        const Slot<Rank> slot{size_, shape};
        leaves_.push_back({std::move(name), role, initializer, {shape.begin(), shape.end()}, size_});
        size_ += round_up(count, alignment);
        return slot;
    }

    /// Registers a parameter of an adapter. Throws as `add` does.
    template <std::size_t Rank>
    AdapterSlot<Rank> add_adapter(std::string name, Shape<Rank> shape, Initializer initializer) {
        return {adapters_.at(0).add(std::move(name), shape, Role::adapter, initializer)};
    }
    [[nodiscard]] const AdapterPlan& plan() const { return plan_; }
    /// The catalogue of adapters; none: nullptr.
    [[nodiscard]] const ParameterLayout* adapters() const {
        return adapters_.empty() ? nullptr : adapters_.data();
    }

    /// What is registered from now on belongs to the next unit. Units are the pieces of a model that compute one
    /// after the other (embedding, each block, norm and head): what is gathered, reduced and divided among ranks
    /// together.
    void begin_unit() {
        unit_starts_.push_back(size_);
        for (ParameterLayout& each : adapters_) each.begin_unit();
    }
    /// The first and the last unit are used at the same time (a head that reads the embedding's matrix).
    void use_ends_together() { ends_together_ = true; }
    [[nodiscard]] bool ends_together() const { return ends_together_; }

    [[nodiscard]] const std::vector<Leaf>& leaves() const { return leaves_; }
    /// Where each unit lies; they follow each other without gaps.
    [[nodiscard]] std::vector<Range> units() const {
        std::vector<Range> units;
        for (std::size_t i = 0; i < unit_starts_.size(); ++i) {
            const Index end = i + 1 < unit_starts_.size() ? unit_starts_[i + 1] : size_;
            units.push_back({unit_starts_[i], end - unit_starts_[i]});
        }
        return units;
    }
    /// Length of the flat vector, padding included.
    [[nodiscard]] Index size() const { return size_; }
    /// Throws Error(shape) naming both sizes unless a flat vector (`what`: "the weights") has `size()` elements.
    void check_size(std::string_view operation, std::string_view what, Index elements) const {
        if (elements == size_) return;
        throw Error(ErrorCode::shape, operation,
                    std::string(what) + " have " + std::to_string(elements) + " elements, the layout has " +
                        std::to_string(size_));
    }
    /// Number of parameters, padding not counted.
    [[nodiscard]] Index parameter_count() const {
        Index count = 0;
        for (const Leaf& leaf : leaves_) count += leaf.size();
        return count;
    }
    /// Throws Error(value) if there is no such leaf.
    [[nodiscard]] const Leaf& leaf(std::string_view name) const {
        for (const Leaf& candidate : leaves_) {
            if (candidate.name == name) return candidate;
        }
        throw Error(ErrorCode::value, "layout", "no parameter named '" + std::string(name) + "'");
    }

private:
    std::vector<Leaf> leaves_;
    std::vector<Index> unit_starts_{0};
    Index size_ = 0;
    bool ends_together_ = false;
    AdapterPlan plan_;
    std::vector<ParameterLayout> adapters_;  // one or none
};

}  // namespace lapidary
