#pragma once

#include <lapidary/core/parameters.hpp>
#include <lapidary/ops/block_rows.hpp>
#include <lapidary/ops/elementwise.hpp>
#include <lapidary/ops/matmul.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

namespace lapidary {

/// What an adapter adds to a product with a matrix W [M, K]: y += scale * (x A^T) B^T. Rows of W that have an
/// adapter of their own (P parts) each have r rows of A; B has the rows of all parts, one after the other.
/// Parameters, beside those of the layout: `<matrix>.lora_A` [P r, K], uniform in +-1/sqrt(K) as `peft` draws it,
/// `<matrix>.lora_B` [sum of rows, r], zero.
class LowRank {
public:
    /// An adapter if the layout's plan names the matrix. Throws Error(value) for rows that it does not have.
    LowRank(ParameterLayout& layout, const std::string& matrix, Index inputs, Index outputs) : outputs_(outputs) {
        const AdapterPlan& plan = layout.plan();
        const auto found = plan.parts.find(matrix);
        if (found == plan.parts.end()) return;
        if (found->second.empty() || !(plan.alpha > 0) || !std::isfinite(plan.scale())) {
            throw Error(ErrorCode::value, "adapter",
                        "'" + matrix + "' has " + std::to_string(found->second.size()) + " parts, and alpha is " +
                            std::to_string(plan.alpha) + ": there must be some, and alpha must be positive");
        }
        Index rows = 0, end = 0;
        for (const Range& part : found->second) {
            if (part.first < end || part.count < 1 || part.first > outputs || part.count > outputs - part.first ||
                plan.rank < 1) {
                throw Error(ErrorCode::value, "adapter",
                            std::to_string(part.count) + " rows from " + std::to_string(part.first) + " on of '" +
                                matrix + "', which has " + std::to_string(outputs) + ", at rank " +
                                std::to_string(plan.rank));
            }
            end = part.end();
            rows += part.count;
        }
        parts_ = found->second;
        scale_ = plan.scale();
        const Index ranks = std::ssize(parts_) * plan.rank;
        a_ = layout.add_adapter(matrix + ".lora_A", Shape<2>{ranks, inputs},
                                Initializer::uniform(1 / std::sqrt(static_cast<double>(inputs))));
        b_ = layout.add_adapter(matrix + ".lora_B", Shape<2>{rows, plan.rank}, Initializer::constant(0));
    }

    template <class T>
    [[nodiscard]] bool used(const Parameters<T>& weights) const {
        return !parts_.empty() && weights.adapted();
    }

    /// x: [N, K]; y: [N, M], which is added to.
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 2> x, View<Scalar<D>, 2> y) const {
        ScratchScope scope(device.scratch());
        matmul(device, project(device, weights, x), spread(device, weights), y, Store::add);
    }

    /// Adds to the gradients of A and B, if they are wanted, and returns the gradient of x A^T, in scratch. x: [B,
    /// T, K]; dy: [B, T, M].
    template <Device D>
    View<Scalar<D>, 3> backward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x,
                                ConstView<Scalar<D>, 3> dy, Gradients<Accumulator<D>> gradients) const {
        const Index ranks = a_.slot.shape[0];
        const auto dz = scratch(device, Shape<3>{x.extent(0), x.extent(1), ranks});
        ScratchScope scope(device.scratch());
        matmul_input_gradient(device, dy.rows(), spread(device, weights), dz.rows());
        scale(device, dz.flat(), scale_);
        if (!gradients.adapted()) return dz;
        matmul_weight_gradient(device, ConstView<Scalar<D>, 3>(dz), x, gradients[a_]);
        const auto z = project(device, weights, x.rows());
        const ConstView<Scalar<D>, 3> by_sequence{z.data, dz.shape};
        if (whole()) {
            matmul_weight_gradient(device, dy, by_sequence, gradients[b_]);
        } else {  // a sequence is added after the other, to what there is
            const auto all = accumulator_scratch(device, Shape<2>{outputs_, ranks});
            spread_blocks(device, ConstView<Accumulator<D>, 2>(gradients[b_]), std::span<const Range>(parts_),
                          all);
            matmul_weight_gradient(device, dy, by_sequence, all);
            pick_blocks(device, ConstView<Accumulator<D>, 2>(all), std::span<const Range>(parts_), gradients[b_]);
        }
        return dz;
    }

    /// dx += what follows from `backward`'s result. dx: [N, K].
    template <Device D>
    void input_gradient(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> dz,
                        View<Scalar<D>, 2> dx) const {
        matmul_input_gradient(device, dz.rows(), weights[a_], dx, Store::add);
    }

private:
    // One adapter for all rows: B is as it is used.
    [[nodiscard]] bool whole() const { return parts_.size() == 1 && parts_[0].count == outputs_; }

    // scale * x A^T, [N, P r].
    template <Device D>
    ConstView<Scalar<D>, 2> project(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 2> x) const {
        const auto z = scratch(device, Shape<2>{x.extent(0), a_.slot.shape[0]});
        matmul(device, x, weights[a_], z);
        scale(device, z.flat(), scale_);
        return z;
    }
    // B with every part's rows in columns of its own, [M, P r].
    template <Device D>
    ConstView<Scalar<D>, 2> spread(D& device, Weights<Scalar<D>> weights) const {
        if (whole()) return weights[b_];
        const auto all = scratch(device, Shape<2>{outputs_, a_.slot.shape[0]});
        spread_blocks(device, weights[b_], std::span<const Range>(parts_), all);
        return all;
    }

    Index outputs_;
    std::vector<Range> parts_;  // none: no adapter
    double scale_ = 0;
    AdapterSlot<2> a_{}, b_{};
};

/// Throws Error(value) naming a matrix of a layout's plan that no layer has: after they have registered.
inline void check_adapters(const ParameterLayout& layout) {
    for (const auto& [matrix, parts] : layout.plan().parts) {
        const auto& leaves = layout.adapters()->leaves();
        if (std::any_of(leaves.begin(), leaves.end(),
                        [&](const Leaf& leaf) { return leaf.name == matrix + ".lora_A"; })) {
            continue;
        }
        throw Error(ErrorCode::value, "adapter", "the model has no matrix '" + matrix + "' to adapt");
    }
}

}  // namespace lapidary
