// Root-mean-square norm, forward and gradient.

#include "support.hpp"

using namespace bench;
using namespace lapidary;

namespace {

void add_shape(const std::string& name, Index batch, Index time, Index width) {
    const auto elements = static_cast<double>(batch * time * width);
    add("rms_norm/" + name, [=](benchmark::State& state) {
        auto x = numbers<2>({batch * time, width}), y = numbers<2>(x.shape());
        auto gain = numbers<1>({width}), inverse_rms = numbers<1>({batch * time});
        measure_bytes(state, 8 * elements, [&] {  // reads x, writes y
            rms_norm(device(), x.view(), gain.view(), 1e-6, y.view(), inverse_rms.view());
        });
    });
    add("rms_norm_gradient/" + name, [=](benchmark::State& state) {
        auto x = numbers<3>({batch, time, width}), dy = numbers<3>(x.shape(), 1e-3F), dx = numbers<3>(x.shape());
        auto gain = numbers<1>({width}), dgain = numbers<1>({width}), inverse_rms = numbers<1>({batch * time});
        measure_bytes(state, 16 * elements, [&] {  // reads x and dy, reads and writes dx
            rms_norm_gradient(device(), x.view(), gain.view(), inverse_rms.view(), dy.view(), dx.view(),
                              dgain.view());
        });
    });
}

}  // namespace

int main(int argc, char** argv) {
    for (const Size& size : sizes) add_shape(size.name, size.batch, size.time, size.width);
    add_shape("large", 4, 2048, 4096);
    return bench::run(argc, argv);
}
