#pragma once

#include <lapidary/cpu/device.hpp>
#include <lapidary/cpu/simd.hpp>
#include <lapidary/ops/accumulation.hpp>

namespace lapidary::cpu {

/// target[c] += the sum over tokens of a term, for every column c: gradients of gains and biases.
///
/// `add(n, c, count, total)` gives the running sum of up to 16 columns from c on with token n's term added.
/// Threads share out columns; tokens are summed in blocks of `accumulation_block`, in order, that start anew at
/// every multiple of `segment`.
template <class Add>
void add_column_sums(Cpu& device, Index tokens, Index segment, View<float, 1> target, Add&& add) {
    device.run_ranges(target.size(), 64, [&](Index first, Index columns, Arena&) {
        simd::for_lanes(columns, [&](Index offset, Index count) {
            const Index c = first + offset;
            for_each_block(tokens, segment, [&](Index start, Index block) {
                simd::Lanes total = simd::splat(0);
                for (Index n = start; n < start + block; ++n) total = add(n, c, count, total);
                simd::store16(target.data + c, simd::load16(target.data + c, count) + total, count);
            });
        });
    });
}

}  // namespace lapidary::cpu
