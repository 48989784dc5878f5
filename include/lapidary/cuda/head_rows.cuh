#pragma once

#include <lapidary/cuda/pack.cuh>
#include <lapidary/ops/heads.hpp>

#include <string>
#include <type_traits>

namespace lapidary::kernels {

/// Heads as kernels reach them.
template <class T>
struct HeadRows {
    T* data;
    Index batch_stride, time_stride, head_stride;
    bool packed;  ///< whether all rows may be accessed in packs of 16 bytes

    LAPIDARY_KERNEL T* row(Index b, Index t, Index h) const {
        return data + b * batch_stride + t * time_stride + h * head_stride;
    }
};

template <class T>
HeadRows<T> head_rows(const Heads<T>& x) {
    constexpr int pack = pack_size<T>;
    const bool packed = packs_fit(x.data, x.size) && x.batch_stride % pack == 0 && x.time_stride % pack == 0 &&
                        x.head_stride % pack == 0;
    return {x.data, x.batch_stride, x.time_stride, x.head_stride, packed};
}

/// run(std::integral_constant<int, S>()) for the first S of `Sizes` in which heads of `size` elements fit. Throws
/// Error(unsupported) for larger ones.
template <int... Sizes, class Run>
void with_head_size(Index size, Run&& run) {
    const bool fits = ((size <= Sizes && (run(std::integral_constant<int, Sizes>()), true)) || ...);
    if (!fits) {
        throw Error(ErrorCode::unsupported, "attention",
                    "heads have " + std::to_string(size) + " elements; on a GPU they have at most 256");
    }
}

}  // namespace lapidary::kernels
