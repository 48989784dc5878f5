#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/batch.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

namespace lapidary {

/// A batch without the columns at its end in which no label counts, but for as many as make its context a multiple
/// of `multiple` or leave it as it is. A pure function of the batch: nothing that counts is lost, and since a
/// token sees only those before it, what counts is predicted from the same tokens. One that counts nothing keeps
/// `multiple` columns.
///
/// The positions become fewer: not for a loss that is their mean (`LossMean::positions`). A batch without a mask
/// comes back as it is. Throws Error(value) unless `multiple` is positive.
inline Batch trim_padding(Batch batch, Index multiple = 32) {
    if (multiple < 1) {
        throw Error(ErrorCode::value, "trim_padding", "a multiple of " + std::to_string(multiple));
    }
    if (batch.mask.empty()) return batch;
    Index counted = 0;  // columns up to the last label that counts
    for (Index b = 0; b < batch.batch; ++b) {
        const auto row = batch.mask_view().at(b);
        for (Index t = batch.context; t > counted; --t) {
            if (row[t - 1] != 0) counted = t;
        }
    }
    const Index context =
        std::min(batch.context, std::max<Index>(1, (counted + multiple - 1) / multiple) * multiple);
    if (context == batch.context) return batch;
    const auto cut = [&](auto& rows, Index from, Index to) {
        std::remove_reference_t<decltype(rows)> kept;
        kept.reserve(static_cast<std::size_t>(batch.batch * to));
        for (Index b = 0; b < batch.batch && !rows.empty(); ++b) {
            const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(b * from);
            kept.insert(kept.end(), begin, begin + static_cast<std::ptrdiff_t>(to));
        }
        rows = std::move(kept);
    };
    cut(batch.tokens, batch.context + 1, context + 1);
    cut(batch.mask, batch.context, context);
    cut(batch.starts, batch.context, context);
    batch.context = context;
    return batch;
}

}  // namespace lapidary
