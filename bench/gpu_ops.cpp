// The operations on a GPU at the shapes of AMBER 7B, 4 sequences of 2048 tokens, and what CrystalCoder 7B has
// besides: one line each. README.md says how to read them.

#include "gpu_table.hpp"

#include <CLI/CLI.hpp>

#include <cmath>
#include <cstdint>
#include <iostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace bench;
using namespace lapidary;

namespace {

constexpr Index batch = 4, context = 2048, tokens = batch * context, width = 4096, inner = 11008, heads = 32,
                head = 128, vocabulary = 32000;
constexpr double matrix = 2.0 * tokens * width;  // bytes of activations [N, C]

void norms(Table& t) {
    const ConstView<bf16, 1> gain = t.in.take<bf16>(width), bias = t.in.take<bf16>(width);
    const auto read = [&] { return t.in.take<bf16>(batch, context, width); };
    const auto write = [&] { return t.out.take<bf16>(batch, context, width); };
    const auto statistics = [](Ring& ring) { return ring.take<float>(tokens); };
    const auto both = [&](Ring& ring) { return RowStatistics<float>{statistics(ring), statistics(ring)}; };
    const auto sums = [&] { return t.out.take<float>(width); };
    t.bytes("rms_norm", 2 * matrix,
            [&] { rms_norm(t.gpu, read().rows(), gain, 1e-6, write().rows(), statistics(t.out)); });
    t.bytes("rms_norm_gradient", 4 * matrix,
            [&] { rms_norm_gradient(t.gpu, read(), gain, statistics(t.in), read(), write(), sums()); });
    t.bytes("layer_norm", 2 * matrix,
            [&] { layer_norm(t.gpu, read().rows(), gain, bias, 1e-5, write().rows(), both(t.out)); });
    t.bytes("layer_norm_gradient", 4 * matrix,
            [&] { layer_norm_gradient(t.gpu, read(), gain, both(t.in), read(), write(), sums(), sums()); });
    t.bytes("add (a residual)", 3 * matrix, [&] { add(t.gpu, read().flat(), read().flat(), write().flat()); });
    t.bytes("add_bias", 2 * matrix, [&] { add_bias(t.gpu, bias, write().rows()); });
    t.bytes("bias_gradient", matrix, [&] { bias_gradient(t.gpu, read(), sums()); });
}

void activations(Table& t) {
    constexpr double part = 2.0 * tokens * inner;
    const auto two = [](Ring& ring) { return ring.take<bf16>(tokens, 2 * inner); };
    const auto one = [](Ring& ring) { return ring.take<bf16>(tokens, inner); };
    const auto wide = [](Ring& ring) { return ring.take<bf16>(tokens * 4 * width); };
    t.bytes("swiglu", 3 * part, [&] { swiglu(t.gpu, two(t.in), one(t.out)); });
    t.bytes("swiglu_gradient", 5 * part, [&] { swiglu_gradient(t.gpu, two(t.in), one(t.in), two(t.out)); });
    t.bytes("gelu (tanh, width 16384)", 8 * matrix, [&] { gelu(t.gpu, wide(t.in), Gelu::tanh, wide(t.out)); });
    t.bytes("gelu (erf, width 16384)", 8 * matrix, [&] { gelu(t.gpu, wide(t.in), Gelu::erf, wide(t.out)); });
    t.bytes("gelu_gradient (tanh, width 16384)", 12 * matrix,
            [&] { gelu_gradient(t.gpu, wide(t.in), Gelu::tanh, wide(t.in), wide(t.out)); });
    t.bytes("rotary (q and k)", 4 * matrix, [&] {
        rotary(t.gpu, heads_of(t.out.take<bf16>(batch, context, 3 * width), 0, 2 * heads, head), 0,
               {head, 10000.0});
    });
    t.bytes("rotary (q and k, a quarter of a head)", matrix, [&] {
        rotary(t.gpu, heads_of(t.out.take<bf16>(batch, context, 3 * width), 0, 2 * heads, head), 0,
               {head / 4, 10000.0, Pairing::interleaved});
    });
}

void words(Table& t) {
    const std::vector<std::int32_t> host = word_ids(tokens, vocabulary);
    const auto different = static_cast<double>(std::set(host.begin(), host.end()).size());
    Tensor<std::int32_t, 1, Cuda> memory(t.gpu, {tokens});
    t.gpu.upload(host.data(), memory.view().data, memory.bytes());
    const ConstView<std::int32_t, 1> ids = memory.view();
    for (const Index rows : {Index{512}, Index{4096}}) {
        t.bytes("cross_entropy_gradient, " + std::to_string(rows) + " tokens",
                4.0 * static_cast<double>(rows) * vocabulary, [&, rows] {
                    cross_entropy_gradient(t.gpu, t.out.take<bf16>(rows, vocabulary), ids.slice(0, rows),
                                           t.out.take<float>(rows), 1.0 / tokens);
                });
    }
    t.bytes("embedding", 2 * matrix,
            [&] { embedding(t.gpu, t.in.take<bf16>(vocabulary, width), ids, t.out.take<bf16>(tokens, width)); });
    t.bytes("embedding_gradient", matrix + 8 * different * width, [&] {
        embedding_gradient(t.gpu, ids, t.in.take<bf16>(tokens, width), t.out.take<float>(vocabulary, width), 0);
    });
}

void optimizer(Table& t) {
    constexpr Index n = Index{1} << 28;
    const AdamWUpdate update{.decay = 3e-5, .step_size = 3e-4};
    Tensor<bf16, 1, Cuda> weights(t.gpu, {n});
    Tensor<std::int16_t, 1, Cuda> remainders(t.gpu, {n});
    const MasterWeights<bf16> master(weights.view(), remainders.view());
    const auto gradients = [&] { return t.in.take<float>(n); };
    {
        Tensor<float, 1, Cuda> m(t.gpu, {n}), v(t.gpu, {n});
        t.bytes("adamw, 2^28 parameters", 28.0 * n,
                [&] { adamw(t.gpu, master, gradients(), m.view(), v.view(), update); });
    }
    Tensor<bf16, 1, Cuda> m(t.gpu, {n}), v(t.gpu, {n});
    t.bytes("adamw, 2^28 parameters, moments in bf16", 20.0 * n, [&] {
        adamw_narrow(t.gpu, master, gradients(), m.view(), v.view(), update, Philox(1, "moments"), 0);
    });
    t.bytes("squares_by_block, 2^28 numbers", 4.0 * n, [&] { (void)squares_by_block(t.gpu, gradients()); });
    const std::vector<Index> runs{0};
    t.bytes("digests, 2^28 numbers", 4.0 * n, [&] { (void)digests(t.gpu, gradients(), 0, runs); });
    t.bytes("digests, 2^28 weights", 4.0 * n, [&] {
        (void)weight_digests<Cuda>(t.gpu, {master.weights, master.remainders}, 0, runs);
    });
}

// Scores of what is behind a query do not count, so half of the square. Published: head size 128, 2048 tokens,
// causal, by this count; FlashAttention-2 on an H100 (charts of its repository), cuDNN 9.19 on an H200
// (cudnn-frontend's benchmarks; its gradient there does not repeat bit for bit).
void attentions(Table& t) {
    constexpr double work = 2.0 * batch * heads * context * context * head;
    const AttentionRule rule{.scale = 1 / std::sqrt(static_cast<double>(head))};
    const auto part = [](auto buffer, Index which) { return heads_of(buffer, which * width, heads, head); };
    const ConstView<bf16, 3> qkv = t.in.take<bf16>(batch, context, 3 * width);
    Tensor<bf16, 3, Cuda> mixed(t.gpu, {batch, context, width});
    Tensor<float, 3, Cuda> log_sums(t.gpu, {batch, heads, context});
    const auto run = [&] {
        attention(t.gpu, part(qkv, 0), part(qkv, 1), part(qkv, 2), rule, part(mixed.view(), 0), log_sums.view());
    };
    const double forward = t.flops("attention", work, run, {298e12, "FlashAttention-2; 484 cuDNN, H200"});
    const double gradient =
        t.flops("attention_gradient", 2.5 * work,
                [&, first = true]() mutable {
                    if (std::exchange(first, false)) run();  // its results are needed, measured or not
                    const auto d = t.out.take<bf16>(batch, context, 3 * width);
                    attention_gradient(t.gpu, part(qkv, 0), part(qkv, 1), part(qkv, 2), rule,
                                       part(ConstView<bf16, 3>(mixed.view()), 0), log_sums.view(),
                                       part(ConstView<bf16, 3>(t.in.take<bf16>(batch, context, width)), 0),
                                       part(d, 0), part(d, 1), part(d, 2));
                },
                {370e12, "cuDNN, H200"});
    if (forward > 0 && gradient > 0)
        t.sum("attention and its gradient", forward + gradient, 3.5 * work, {265e12, "FlashAttention-2"});
}

// A linear layer's three products; returns their seconds, 0 unless all were measured.
double linear(Table& t, const std::string& name, Index outputs, Index inputs) {
    const double work = 2.0 * tokens * static_cast<double>(outputs) * static_cast<double>(inputs);
    const auto activations = [](Ring& ring, Index columns) { return ring.take<bf16>(batch, context, columns); };
    const auto weights = [&] { return t.in.take<bf16>(outputs, inputs); };
    const double forward = t.flops("product " + name + ", forward", work, [&] {
        matmul(t.gpu, activations(t.in, inputs).rows(), weights(), activations(t.out, outputs).rows());
    });
    const double input = t.flops("product " + name + ", input gradient", work, [&] {
        matmul_input_gradient(t.gpu, activations(t.in, outputs).rows(), weights(),
                              activations(t.out, inputs).rows());
    });
    const double weight = t.flops("product " + name + ", weight gradient", work, [&] {
        matmul_weight_gradient(t.gpu, activations(t.in, outputs), activations(t.in, inputs),
                               t.out.take<float>(outputs, inputs));
    });
    return forward > 0 && input > 0 && weight > 0 ? forward + input + weight : 0;
}

void products(Table& t) {
    const double parts[] = {linear(t, "qkv", 3 * width, width), linear(t, "output", width, width),
                            linear(t, "gate_up", 2 * inner, width), linear(t, "down", width, inner)};
    if (*std::min_element(std::begin(parts), std::end(parts)) > 0) {
        t.sum("product: all 12 of a block", parts[0] + parts[1] + parts[2] + parts[3],
              6.0 * tokens * width * (4.0 * width + 3.0 * inner));
    }
    t.flops("product down, added to a residual", 2.0 * tokens * width * inner, [&] {
        matmul_add(t.gpu, t.in.take<bf16>(tokens, inner), t.in.take<bf16>(width, inner),
                   t.in.take<bf16>(tokens, width), t.out.take<bf16>(tokens, width));
    });
    linear(t, "head", vocabulary, width);
    linear(t, "gate_up of CrystalCoder (2 x 10922)", 2 * 10922, width);
    linear(t, "down of CrystalCoder (10922)", width, 10922);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Times the operations on a GPU at the shapes of AMBER 7B, beside what this GPU copies and multiplies."};
    std::string json, only;
    CudaOptions options{.scratch_bytes = std::size_t{4} << 30};
    app.add_option("--json", json, "Write the figures as JSON lines");
    app.add_option("--only", only, "Only operations with this in their name");
    app.add_option("--gpu", options.device, "Which GPU [the first]");
    app.add_flag("--tune", options.tune_products, "Time the algorithms for each product and keep the fastest");
    CLI11_PARSE(app, argc, argv);
    try {
        Table table(options, only, json);
        for (const auto part : {norms, activations, words, optimizer, attentions, products}) part(table);
        return table.complete() ? 0 : 1;
    } catch (const std::exception& error) {
        std::cerr << "bench_gpu_ops: " << error.what() << "\n";
        return 1;
    }
}
