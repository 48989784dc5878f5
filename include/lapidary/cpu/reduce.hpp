#pragma once

#include <lapidary/cpu/device.hpp>
#include <lapidary/cpu/simd.hpp>
#include <lapidary/ops/reduce.hpp>

#include <cstring>

namespace lapidary {

namespace cpu {

/// Sixteen running sums in double.
class DoubleLanes {
public:
    /// Adds f(x) in double for the first `count` of 16 floats; the others must be zero.
    template <class F>
    void add(const simd::Lanes& x, F&& f) {
        alignas(64) float values[simd::Lanes::count];
        simd::store16(values, x);
        for (int i = 0; i < groups; ++i) {
            Half narrow;
            std::memcpy(&narrow, values + i * half, sizeof narrow);
            const Wide wide = __builtin_convertvector(narrow, Wide);
            sums_[i] += f(wide);
        }
    }
    /// The total, lanes in order.
    [[nodiscard]] double total() const {
        double result = 0;
        for (const Wide& group : sums_) {
            for (int i = 0; i < half; ++i) result += group[i];
        }
        return result;
    }

private:
    static constexpr int half = simd::width / 2;
    static constexpr int groups = simd::Lanes::count / half;
    using Half = float __attribute__((vector_size(half * 4)));
    using Wide = double __attribute__((vector_size(half * 8)));
    Wide sums_[groups] = {};
};

/// Sums of f(x) over blocks of `reduction_block` elements.
template <class F>
void sum_blocks(Cpu& device, ConstView<float, 1> x, F&& f, std::span<double> sums) {
    device.run_ranges(x.size(), reduction_block, [&](Index first, Index length, Arena&) {
        DoubleLanes block;
        simd::for_lanes(length,
                        [&](Index i, Index count) { block.add(simd::load16(x.data + first + i, count), f); });
        sums[static_cast<std::size_t>(first / reduction_block)] = block.total();
    });
}

}  // namespace cpu

inline double sum_on(Cpu& device, ConstView<float, 1> x) {
    ScratchScope scope(device.scratch());
    const auto sums = device.scratch().allocate<double, 1>({ceil_div(x.size(), reduction_block)});
    cpu::sum_blocks(
        device, x, [](auto value) { return value; }, std::span(sums.begin(), sums.end()));
    double total = 0;
    for (double block : sums) total += block;
    return total;
}

inline void squares_by_block_on(Cpu& device, ConstView<float, 1> x, std::span<double> sums) {
    cpu::sum_blocks(
        device, x, [](auto value) { return value * value; }, sums);
}

}  // namespace lapidary
