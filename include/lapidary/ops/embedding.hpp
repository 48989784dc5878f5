#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/ops/check.hpp>

#include <cstdint>

namespace lapidary {

/// Rows of a table: out[n] = table[ids[n]].
///
/// table: [V, C]; ids: [N], each in [0, V) (checked where tokens enter the library); out: [N, C].
template <Device D>
void embedding(D& device, ConstView<Scalar<D>, 2> table, ConstView<std::int32_t, 1> ids, View<Scalar<D>, 2> out) {
    detail::require_shape(out.extent(0) == ids.extent(0) && out.extent(1) == table.extent(1), "embedding", [&] {
        return "table " + detail::extents(table) + " with ids " + detail::extents(ids) + " does not give out " +
               detail::extents(out);
    });
    embedding_on(device, table, ids, out);
}

/// dtable[ids[n]] += dout[n], added one by one for n in order, except for `frozen_row`, which never receives
/// gradient (-1: none).
///
/// ids: [N]; dout: [N, C]; dtable: [V, C].
template <Device D>
void embedding_gradient(D& device, ConstView<std::int32_t, 1> ids, ConstView<Scalar<D>, 2> dout,
                        View<Accumulator<D>, 2> dtable, Index frozen_row) {
    detail::require_shape(dout.extent(0) == ids.extent(0) && dout.extent(1) == dtable.extent(1),
                          "embedding_gradient", [&] {
                              return "dout " + detail::extents(dout) + " with ids " + detail::extents(ids) +
                                     " does not fit dtable " + detail::extents(dtable);
                          });
    embedding_gradient_on(device, ids, dout, dtable, frozen_row);
}

}  // namespace lapidary
