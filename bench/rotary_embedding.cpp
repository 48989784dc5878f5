// What touches tokens one by one: rotary position embedding, and rows of the embedding table.

#include "support.hpp"

using namespace bench;
using namespace lapidary;

namespace {

void add_size(const Size& size) {
    const std::string suffix = std::string("/") + size.name;
    const auto elements = static_cast<double>(size.tokens() * size.width);
    add("rotary" + suffix, [=](benchmark::State& state) {
        auto qkv = numbers<3>({size.batch, size.time, 3 * size.width});
        const Index head_size = size.width / size.heads;
        const auto queries = heads_of(qkv.view(), 0, size.heads, head_size);
        const auto keys = heads_of(qkv.view(), size.width, size.heads, head_size);
        measure_bytes(state, 16 * elements, [&] {  // reads and writes queries and keys
            rotary(device(), queries, 0, {.size = head_size});
            rotary(device(), keys, 0, {.size = head_size});
        });
    });
    add("embedding" + suffix, [=](benchmark::State& state) {
        const auto table = numbers<2>({vocabulary, size.width});
        const auto ids = token_ids(size.tokens(), vocabulary);
        auto out = numbers<2>({size.tokens(), size.width});
        measure_bytes(state, 8 * elements, [&] {  // reads rows, writes them
            embedding(device(), table.view(), ids.view(), out.view());
        });
    });
    add("embedding_gradient" + suffix, [=](benchmark::State& state) {
        auto dtable = numbers<2>({vocabulary, size.width});
        const auto ids = token_ids(size.tokens(), vocabulary);
        const auto dout = numbers<2>({size.tokens(), size.width}, 1e-3F);
        measure_bytes(state, 12 * elements, [&] {  // reads dout, reads and writes rows
            embedding_gradient(device(), ids.view(), dout.view(), dtable.view(), 0);
        });
    });
}

}  // namespace

int main(int argc, char** argv) {
    for (const Size& size : sizes) add_size(size);
    return bench::run(argc, argv);
}
