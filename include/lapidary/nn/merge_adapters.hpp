#pragma once

#include <lapidary/core/parameters.hpp>
#include <lapidary/ops/elementwise.hpp>
#include <lapidary/ops/matmul.hpp>

#include <cstddef>

namespace lapidary {

/// W += scale * B A for every adapter of a layout: its flat weights then need none. On a device of bf16 the sum is
/// rounded, and what is small beside W gets lost: to keep the result, merge in single precision. `weights`,
/// `adapters`: flat vectors of the layout and of `layout.adapters()`. Throws Error(shape) for others, Error(value)
/// where there are no adapters.
template <Device D>
void merge_adapters(D& device, const ParameterLayout& layout, View<Scalar<D>, 1> weights,
                    ConstView<Scalar<D>, 1> adapters) {
    if (layout.adapters() == nullptr) throw Error(ErrorCode::value, "merge_adapters", "the model has no adapters");
    layout.check_size("merge_adapters", "weights", weights.size());
    layout.adapters()->check_size("merge_adapters", "adapters", adapters.size());
    const AdapterPlan& plan = layout.plan();
    for (const auto& [matrix, parts] : plan.parts) {
        const auto view = [&](const auto& vector, const Leaf& leaf) {
            return vector.slice(leaf.offset, leaf.size()).template reshape<2>({leaf.shape[0], leaf.shape[1]});
        };
        const auto w = view(weights, layout.leaf(matrix));
        const auto a = view(adapters, layout.adapters()->leaf(matrix + ".lora_A"));
        const auto b = view(adapters, layout.adapters()->leaf(matrix + ".lora_B"));
        Index row = 0;
        for (std::size_t p = 0; p < parts.size(); ++p) {
            ScratchScope scope(device.scratch());
            const auto own = b.slice(row, parts[p].count);
            const auto scaled = scratch(device, own.shape);
            copy(device, own.flat(), scaled.flat());
            scale(device, scaled.flat(), plan.scale());
            matmul_input_gradient(device, ConstView<Scalar<D>, 2>(scaled),
                                  a.slice(static_cast<Index>(p) * plan.rank, plan.rank),
                                  w.slice(parts[p].first, parts[p].count), Store::add);
            row += parts[p].count;
        }
    }
}

}  // namespace lapidary
