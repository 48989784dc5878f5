// Passes over one flat vector: sums (the gradient norm) and elementwise additions (residuals, lanes).

#include "support.hpp"

using namespace bench;
using namespace lapidary;

int main(int argc, char** argv) {
    for (const Index size : {Index{1} << 20, Index{1} << 25}) {
        const std::string suffix = std::to_string(size >> 20) + "M";
        const auto elements = static_cast<double>(size);
        add("sum/" + suffix, [=](benchmark::State& state) {
            const auto x = numbers<1>({size});
            measure_bytes(state, 4 * elements, [&] { benchmark::DoNotOptimize(sum(device(), x.view())); });
        });
        add("sum_of_squares/" + suffix, [=](benchmark::State& state) {
            const auto x = numbers<1>({size});
            measure_bytes(state, 4 * elements,
                          [&] { benchmark::DoNotOptimize(sum_of_squares(device(), x.view())); });
        });
        add("add/" + suffix, [=](benchmark::State& state) {
            auto x = numbers<1>({size}, 0.0F), y = numbers<1>({size});
            measure_bytes(state, 12 * elements, [&] { lapidary::add(device(), x.view(), y.view(), y.view()); });
        });
    }
    return bench::run(argc, argv);
}
