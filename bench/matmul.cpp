// The three products of every linear layer of the benchmark models; where Eigen is found, its own beside them.

#include "support.hpp"

#ifdef LAPIDARY_BENCH_EIGEN
#include "eigen_product.hpp"
#endif

using namespace bench;

namespace {

struct Linear {
    std::string name;
    Index batch, time, in, out;
};

/// What a product reads and writes: x [B, T, in], w [out, in], y [B, T, out].
struct Operands {
    Array<3> x, y;
    Array<2> w;

    explicit Operands(const Linear& layer)
        : x(numbers<3>({layer.batch, layer.time, layer.in})),
          y(numbers<3>({layer.batch, layer.time, layer.out})),
          w(numbers<2>({layer.out, layer.in})) {}
};

template <class Product>
void add_product(const std::string& library, const std::string& pass, const Linear& layer, Product&& product) {
    add(library + "/" + pass + "/" + layer.name, [=](benchmark::State& state) {
        Operands a(layer);
        measure_flops(state, 2.0 * static_cast<double>(layer.batch * layer.time * layer.in * layer.out),
                      [&] { product(a.x.view(), a.w.view(), a.y.view()); });
    });
}

void add_layer(const Linear& layer) {
    using View2 = lapidary::View<float, 2>;
    using View3 = lapidary::View<float, 3>;
    add_product("lapidary", "forward", layer,
                [](View3 x, View2 w, View3 y) { matmul(device(), x.rows(), w, y.rows()); });
    add_product("lapidary", "input_gradient", layer,
                [](View3 x, View2 w, View3 y) { matmul_input_gradient(device(), y.rows(), w, x.rows()); });
    add_product("lapidary", "weight_gradient", layer,
                [](View3 x, View2 w, View3 y) { matmul_weight_gradient(device(), y, x, w); });
#ifdef LAPIDARY_BENCH_EIGEN
    add_product("eigen", "forward", layer,
                [](View3 x, View2 w, View3 y) { eigen_forward(device(), x.rows(), w, y.rows()); });
    add_product("eigen", "input_gradient", layer,
                [](View3 x, View2 w, View3 y) { eigen_input_gradient(device(), y.rows(), w, x.rows()); });
    add_product("eigen", "weight_gradient", layer,
                [](View3 x, View2 w, View3 y) { eigen_weight_gradient(device(), y.rows(), x.rows(), w); });
#endif
}

}  // namespace

int main(int argc, char** argv) {
    for (const Size& size : sizes) {
        const std::string suffix = std::string("/") + size.name;
        const Index batch = size.batch, time = size.time, width = size.width, inner = size.inner;
        add_layer({"qkv" + suffix, batch, time, width, 3 * width});
        add_layer({"output" + suffix, batch, time, width, width});
        add_layer({"gate_up" + suffix, batch, time, width, 2 * inner});
        add_layer({"down" + suffix, batch, time, inner, width});
        // The loss walks in chunks of 512 tokens.
        add_layer({"head" + suffix, 512 / time, time, width, vocabulary});
    }
    return run(argc, argv);
}
