#pragma once

#include <lapidary/cpu/device.hpp>
#include <lapidary/cpu/product.hpp>
#include <lapidary/ops/matmul.hpp>

#include <algorithm>

namespace lapidary {

namespace cpu {

/// The result tile one thread works on: small enough that a tile of c and the packed rows of a stay in a core's
/// second cache level, large enough that packing is a few percent. Tiles do not touch bits, so they may follow the
/// threads.
struct TileShape {
    Index rows, columns;
};

inline TileShape tile_shape(Index rows, Index columns, int threads) {
    if (rows <= most_few_rows) {  // columns are read once each: even shares
        return {rows, std::min<Index>(round_up(ceil_div(columns, Index{4} * threads), simd::width), 768)};
    }
    TileShape tile{std::min<Index>(round_up(rows, row_panel), 512),
                   std::min<Index>(round_up(columns, column_panel), 768)};
    const Index wanted = threads == 1 ? 1 : Index{4} * threads;
    while (ceil_div(rows, tile.rows) * ceil_div(columns, tile.columns) < wanted) {
        if (tile.columns > 4 * column_panel) {
            tile.columns = round_up(tile.columns / 2, column_panel);
        } else if (tile.rows > 4 * row_panel) {
            tile.rows = round_up(tile.rows / 2, row_panel);
        } else {
            break;
        }
    }
    return tile;
}

/// `product` shared out over the threads of a device, tile by tile.
inline void parallel_product(Cpu& device, Index rows, Index columns, Index depth, Index segment, const Operand& a,
                             const Operand& b, View<float, 2> c, Store store) {
    if (c.empty()) return;
    const TileShape tile = tile_shape(rows, columns, device.threads());
    const Index across = ceil_div(columns, tile.columns);
    device.run(ceil_div(rows, tile.rows) * across, [&](Index task, Arena& arena) {
        const Index i = task / across * tile.rows;
        const Index j = task % across * tile.columns;
        product(arena, std::min(tile.rows, rows - i), std::min(tile.columns, columns - j), depth, segment,
                a.from(i, 0), b.from(j, 0), c.data + i * columns + j, columns, store);
    });
}

}  // namespace cpu

inline void matmul_on(Cpu& device, ConstView<float, 2> x, ConstView<float, 2> w, View<float, 2> y, Store store) {
    const Index depth = x.extent(1);
    cpu::parallel_product(device, y.extent(0), y.extent(1), depth, depth, {x.data, depth, 1}, {w.data, depth, 1},
                          y, store);
}

inline void matmul_input_gradient_on(Cpu& device, ConstView<float, 2> dy, ConstView<float, 2> w, View<float, 2> dx,
                                     Store store) {
    const Index depth = dy.extent(1);
    cpu::parallel_product(device, dx.extent(0), dx.extent(1), depth, depth, {dy.data, depth, 1},
                          {w.data, 1, dx.extent(1)}, dx, store);
}

inline void matmul_weight_gradient_on(Cpu& device, ConstView<float, 3> dy, ConstView<float, 3> x,
                                      View<float, 2> dw) {
    cpu::parallel_product(device, dw.extent(0), dw.extent(1), dy.extent(0) * dy.extent(1), dy.extent(1),
                          {dy.data, 1, dw.extent(0)}, {x.data, 1, dw.extent(1)}, dw, Store::add);
}

}  // namespace lapidary
