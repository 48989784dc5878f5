// says: attention and blocks need forward\(device, weights, x, y, cache, sequences\) const

#include <lapidary/nn/nn.hpp>

using namespace lapidary;

#ifdef BROKEN
using Mix = SwiGlu;  // a layer, but it looks at one token at a time
#else
using Mix = Attention<Rotary>;
#endif

int main() {
    ParameterLayout layout;
    const SequentialBlock<RmsNorm, Mix, SwiGlu> block(layout, "block", {});
}
