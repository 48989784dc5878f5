// One AdamW or RMSprop update of a flat parameter vector: one pass over weights, gradients and moments.

#include "support.hpp"

#include <lapidary/optim/adamw.hpp>
#include <lapidary/optim/rmsprop.hpp>

using namespace bench;
using namespace lapidary;

int main(int argc, char** argv) {
    for (const Index parameters : {Index{1} << 20, Index{1} << 25}) {
        const auto add_update = [=](const std::string& name, auto optimizer, double bytes) {
            add(name + "/" + std::to_string(parameters >> 20) + "M", [=](benchmark::State& state) {
                ParameterLayout layout;
                layout.add("all", Shape<1>{parameters}, Role::matrix, Initializer::constant(0));
                auto weights = numbers<1>({parameters}), gradients = numbers<1>({parameters}, 1e-3F);
                auto m = numbers<1>({parameters}, 1e-3F), v = numbers<1>({parameters}, 0.0F);
                Index step = 0;
                measure_bytes(state, bytes * static_cast<double>(parameters), [&] {
                    optimizer.update(device(), layout, weights.view(), gradients.view(), m.view(), v.view(),
                                     step++, 1e-4, 1.0);
                });
            });
        };
        add_update("adamw", AdamW{}, 28);      // reads four arrays, writes three
        add_update("rmsprop", RmsProp{}, 20);  // reads three, writes two
    }
    return bench::run(argc, argv);
}
