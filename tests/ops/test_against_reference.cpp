// Every operation of the Cpu against the Reference in double, on odd shapes and with outputs that start as NaN.

#include "catch.hpp"
#include "support/arrays.hpp"

#include <lapidary/cpu.hpp>
#include <lapidary/ops/ops.hpp>
#include <lapidary/reference.hpp>

#include <functional>

using namespace lapidary;
using namespace lapidary::test;

namespace {

// Single precision against double, relative Frobenius error: sums of a few thousand rounded terms.
constexpr double tolerance = 2e-6;

/// Runs one computation on both devices and compares all the results it returns.
template <class Run>
void compare(Run&& run) {
    Cpu cpu({.threads = 3});
    Reference reference;
    const std::vector<Values> fast = run(cpu);
    const std::vector<Values> exact = run(reference);
    REQUIRE(fast.size() == exact.size());
    for (std::size_t i = 0; i < fast.size(); ++i) {
        INFO("result " << i);
        CHECK(relative_error(fast[i], exact[i]) < tolerance);
    }
}

std::vector<std::int32_t> random_ids(Index count, Index limit, std::uint64_t item) {
    std::vector<std::int32_t> ids;
    const Philox random(3, "ids", item);
    for (Index i = 0; i < count; ++i) {
        ids.push_back(static_cast<std::int32_t>(random.integer(static_cast<std::uint64_t>(i)) %
                                                static_cast<std::uint64_t>(limit)));
    }
    return ids;
}

View<const std::int32_t, 1> view_of(const std::vector<std::int32_t>& ids) {
    return {ids.data(), {static_cast<Index>(ids.size())}};
}

}  // namespace

TEST_CASE("products agree on odd shapes") {
    struct Case {
        Index rows, inner, columns;
    };
    const auto shape = GENERATE(Case{1, 1, 1}, Case{1, 300, 50}, Case{7, 80, 100}, Case{33, 257, 49},
                                Case{65, 512, 48}, Case{130, 100, 97}, Case{300, 31, 800}, Case{8, 5, 1});
    const auto [n, k, m] = shape;
    INFO("n " << n << " k " << k << " m " << m);
    for (const Store store : {Store::assign, Store::add}) {
        compare([&, n = n, k = k, m = m](auto& device) {
            const auto x = place(device, Shape<2>{n, k}, Values::normal(n * k, 1));
            const auto w = place(device, Shape<2>{m, k}, Values::normal(m * k, 2));
            const auto dy = place(device, Shape<2>{n, m}, Values::normal(n * m, 3));
            const bool add = store == Store::add;
            const auto y =
                add ? place(device, Shape<2>{n, m}, Values::normal(n * m, 4)) : poisoned(device, Shape<2>{n, m});
            const auto dx =
                add ? place(device, Shape<2>{n, k}, Values::normal(n * k, 5)) : poisoned(device, Shape<2>{n, k});
            const auto dw = place(device, Shape<2>{m, k}, Values::normal(m * k, 6));
            matmul(device, x, w, y, store);
            matmul_input_gradient(device, dy, w, dx, store);
            matmul_weight_gradient(device, dy.template reshape<3>({1, n, m}), x.template reshape<3>({1, n, k}),
                                   dw);
            return std::vector{read(y), read(dx), read(dw)};
        });
    }
}

TEST_CASE("a weight gradient does not depend on how sequences are grouped into calls") {
    Cpu device({.threads = 2});
    const Index batch = 3, time = 301, width = 40, inner = 56;
    const auto x = place(device, Shape<3>{batch, time, inner}, Values::normal(batch * time * inner, 1));
    const auto dy = place(device, Shape<3>{batch, time, width}, Values::normal(batch * time * width, 2));
    const auto whole = place(device, Shape<2>{width, inner}, Values::normal(width * inner, 3));
    const auto pieces = place(device, Shape<2>{width, inner}, Values::normal(width * inner, 3));
    matmul_weight_gradient(device, dy, x, whole);
    for (Index b = 0; b < batch; ++b) matmul_weight_gradient(device, dy.slice(b, 1), x.slice(b, 1), pieces);
    CHECK(read(whole).data == read(pieces).data);
}

TEST_CASE("a row of a product has the same bits, however many rows there are and whichever way the matrix lies") {
    Cpu device({.threads = 2});
    const auto [k, m] = GENERATE(std::pair<Index, Index>{300, 70}, std::pair<Index, Index>{17, 33},
                                 std::pair<Index, Index>{1024, 16}, std::pair<Index, Index>{5, 3});
    const auto x = place(device, Shape<2>{9, k}, Values::normal(9 * k, 1));
    const auto w = place(device, Shape<2>{m, k}, Values::normal(m * k, 2));
    const auto back = place(device, Shape<2>{k, m}, Values::normal(m * k, 3));
    for (const Store store : {Store::assign, Store::add}) {
        const auto start = Values::normal(9 * m, 4);
        const auto whole = place(device, Shape<2>{9, m}, start), whole_back = place(device, Shape<2>{9, m}, start);
        matmul(device, x, w, whole, store);
        matmul_input_gradient(device, x, back, whole_back, store);
        for (Index rows = 1; rows <= 5; ++rows) {
            INFO(rows << " rows of " << k << " to " << m);
            const auto some = place(device, Shape<2>{9, m}, start),
                       some_back = place(device, Shape<2>{9, m}, start);
            matmul(device, x.slice(2, rows), w, some.slice(2, rows), store);
            matmul_input_gradient(device, x.slice(2, rows), back, some_back.slice(2, rows), store);
            CHECK(read(some.slice(2, rows)).data == read(whole.slice(2, rows)).data);
            CHECK(read(some_back.slice(2, rows)).data == read(whole_back.slice(2, rows)).data);
        }
    }
}

TEST_CASE("elementwise operations agree") {
    const Index n = GENERATE(1, 15, 16, 17, 1000, 70001);
    compare([&](auto& device) {
        const auto x = place(device, Shape<1>{n}, Values::normal(n, 1));
        const auto y = place(device, Shape<1>{n}, Values::normal(n, 2));
        const auto out = poisoned(device, Shape<1>{n});
        const auto copied = poisoned(device, Shape<1>{n});
        const auto filled = poisoned(device, Shape<1>{n});
        add(device, x, y, out);
        copy(device, x, copied);
        fill(device, filled, 0.25);
        scale(device, y, 0.5);
        Values sums;
        sums.data = {sum(device, x), sum_of_squares(device, y)};
        return std::vector{read(out), read(copied), read(filled), read(y), sums};
    });
}

TEST_CASE("embedding and its gradient agree, and the frozen row stays") {
    const Index vocabulary = 37, width = 20;
    const std::vector<std::int32_t> ids = random_ids(101, vocabulary, 1);
    compare([&](auto& device) {
        const auto table = place(device, Shape<2>{vocabulary, width}, Values::normal(vocabulary * width, 1));
        const auto out = poisoned(device, Shape<2>{101, width});
        const auto dtable = place(device, Shape<2>{vocabulary, width}, Values::normal(vocabulary * width, 2));
        const Values before = read(dtable.at(ids[0]));
        embedding(device, table, view_of(ids), out);
        embedding_gradient(device, view_of(ids), out, dtable, ids[0]);
        CHECK(read(dtable.at(ids[0])).data == before.data);
        return std::vector{read(out), read(dtable)};
    });
}

TEST_CASE("rms norm and its gradient agree") {
    const Index width = GENERATE(3, 16, 80, 100, 385);
    const Index batch = 2, time = 263;
    compare([&](auto& device) {
        const Shape<3> shape{batch, time, width};
        const Index count = element_count(shape);
        const auto x = place(device, shape, Values::normal(count, 1));
        const auto gain = place(device, Shape<1>{width}, Values::normal(width, 2));
        const auto y = poisoned(device, shape);
        const auto inverse_rms = poisoned(device, Shape<1>{batch * time});
        const auto dy = place(device, shape, Values::normal(count, 3));
        const auto dx = place(device, shape, Values::normal(count, 4));
        const auto dgain = place(device, Shape<1>{width}, Values::normal(width, 5));
        rms_norm(device, x.rows(), gain, 1e-6, y.rows(), inverse_rms);
        rms_norm_gradient(device, x, gain, inverse_rms, dy, dx, dgain);
        return std::vector{read(y), read(inverse_rms), read(dx), read(dgain)};
    });
}

TEST_CASE("layer norm and its gradient agree, with a bias and without") {
    const Index width = GENERATE(3, 16, 80, 100, 385);
    const bool biased = GENERATE(true, false);
    const Index batch = 2, time = 263;
    compare([&](auto& device) {
        const Shape<3> shape{batch, time, width};
        const Index count = element_count(shape), biases = biased ? width : 0;
        const auto x = place(device, shape, Values::normal(count, 1, 3.0));
        for (auto& element : x) element += 2;
        const auto gain = place(device, Shape<1>{width}, Values::normal(width, 2));
        const auto bias = place(device, Shape<1>{biases}, Values::normal(biases, 6));
        const auto y = poisoned(device, shape);
        const RowStatistics<Scalar<std::decay_t<decltype(device)>>> rows{poisoned(device, Shape<1>{batch * time}),
                                                                         poisoned(device, Shape<1>{batch * time})};
        const auto dy = place(device, shape, Values::normal(count, 3));
        const auto dx = place(device, shape, Values::normal(count, 4));
        const auto dgain = place(device, Shape<1>{width}, Values::normal(width, 5));
        const auto dbias = place(device, Shape<1>{biases}, Values::normal(biases, 7));
        layer_norm(device, x.rows(), gain, bias, 1e-5, y.rows(), rows);
        layer_norm_gradient(device, x, gain, rows, dy, dx, dgain, dbias);
        return std::vector{read(y),  read(rows.mean), read(rows.inverse_deviation),
                           read(dx), read(dgain),     read(dbias)};
    });
}

TEST_CASE("gradients of biases and layer norms do not depend on how sequences are grouped into calls") {
    Cpu device({.threads = 2});
    const Index batch = 3, time = 301, width = 40;
    const Shape<3> shape{batch, time, width};
    const auto x = place(device, shape, Values::normal(element_count(shape), 1));
    const auto dy = place(device, shape, Values::normal(element_count(shape), 2));
    const auto gain = place(device, Shape<1>{width}, Values::normal(width, 3));
    const RowStatistics<float> rows{poisoned(device, Shape<1>{batch * time}),
                                    poisoned(device, Shape<1>{batch * time})};
    layer_norm(device, x.rows(), gain, View<const float, 1>{}, 1e-5, poisoned(device, shape).rows(), rows);
    const auto sums = [&](Index pieces) {
        const auto dgain = place(device, Shape<1>{width}, Values::normal(width, 4));
        const auto dbias = place(device, Shape<1>{width}, Values::normal(width, 5));
        const auto plain = place(device, Shape<1>{width}, Values::normal(width, 6));
        const auto dx = place(device, shape, Values::constant(element_count(shape), 0));
        for (Index b = 0; b < batch; b += batch / pieces) {
            const Index count = batch / pieces;
            const RowStatistics<float> part{rows.mean.slice(b * time, count * time),
                                            rows.inverse_deviation.slice(b * time, count * time)};
            layer_norm_gradient(device, x.slice(b, count), gain, part, dy.slice(b, count), dx.slice(b, count),
                                dgain, dbias);
            bias_gradient(device, dy.slice(b, count), plain);
        }
        return std::vector{read(dgain).data, read(dbias).data, read(plain).data};
    };
    CHECK(sums(1) == sums(3));
}

TEST_CASE("biases are added, and their gradient agrees") {
    const Index width = GENERATE(1, 16, 100, 385);
    compare([&](auto& device) {
        const auto y = place(device, Shape<3>{2, 131, width}, Values::normal(262 * width, 1));
        const auto bias = place(device, Shape<1>{width}, Values::normal(width, 2));
        const auto dbias = place(device, Shape<1>{width}, Values::normal(width, 3));
        add_bias(device, bias, y.rows());
        bias_gradient(device, y, dbias);
        return std::vector{read(y), read(dbias)};
    });
}

TEST_CASE("both forms of gelu and their gradients agree, far from zero too") {
    const Gelu form = GENERATE(Gelu::erf, Gelu::tanh);
    const Index n = GENERATE(15, 17, 5000);
    compare([&](auto& device) {
        const auto x = place(device, Shape<1>{n}, Values::normal(n, 1, 4.0));
        const auto dy = place(device, Shape<1>{n}, Values::normal(n, 2));
        const auto y = poisoned(device, Shape<1>{n}), dx = poisoned(device, Shape<1>{n});
        gelu(device, x, form, y);
        gelu_gradient(device, x, form, dy, dx);
        gelu_gradient(device, x, form, dy, dy);  // in place
        CHECK(read(dy).data == read(dx).data);
        return std::vector{read(y), read(dx)};
    });
    Cpu device({.threads = 1});
    const auto x = place(device, Shape<1>{6}, Values{{-1e30, -50, 50, 1e30, -INFINITY, NAN}});
    const auto y = poisoned(device, Shape<1>{6});
    gelu(device, x.slice(0, 4), form, y.slice(0, 4));
    CHECK(std::abs(y[0]) < 1e-8F);
    CHECK(std::abs(y[1]) < 1e-20F);
    CHECK(y[2] == 50.0F);
    CHECK(y[3] == 1e30F);
    gelu(device, x.slice(5, 1), form, y.slice(5, 1));
    CHECK(std::isnan(y[5]));
}

TEST_CASE("clamping keeps what is within, and the gradient passes there alone") {
    compare([&](auto& device) {
        const auto x = place(device, Shape<1>{7}, Values{{-3, -2, -1.5, 0, 1, 2.5, NAN}});
        const auto d = place(device, Shape<1>{7}, Values{{1, 2, 3, 4, 5, 6, 7}});
        clamp(device, x, 2);
        CHECK(std::isnan(x[6]));
        clamp_gradient(device, x.slice(0, 6), 2, d.slice(0, 6));
        CHECK(read(x.slice(0, 6)).data == std::vector<double>{-2, -2, -1.5, 0, 1, 2});
        CHECK(read(d).data == std::vector<double>{0, 0, 3, 4, 5, 0, 7});
        CHECK_THROWS_WITH(clamp(device, x, -1), ContainsSubstring("[clamp] limit is -1"));
        return std::vector{read(d)};
    });
}

TEST_CASE("the gradient of a gain does not depend on how sequences are grouped into calls") {
    Cpu device({.threads = 2});
    const Index batch = 3, time = 301, width = 40;
    const Shape<3> shape{batch, time, width};
    const auto x = place(device, shape, Values::normal(element_count(shape), 1));
    const auto dy = place(device, shape, Values::normal(element_count(shape), 2));
    const auto gain = place(device, Shape<1>{width}, Values::normal(width, 3));
    const auto inverse_rms = poisoned(device, Shape<1>{batch * time});
    rms_norm(device, x.rows(), gain, 1e-6, poisoned(device, shape).rows(), inverse_rms);
    const auto whole = place(device, Shape<1>{width}, Values::normal(width, 4));
    const auto pieces = place(device, Shape<1>{width}, Values::normal(width, 4));
    const auto dx = place(device, shape, Values::constant(element_count(shape), 0));
    rms_norm_gradient(device, x, gain, inverse_rms, dy, dx, whole);
    for (Index b = 0; b < batch; ++b) {
        rms_norm_gradient(device, x.slice(b, 1), gain, inverse_rms.slice(b * time, time), dy.slice(b, 1),
                          dx.slice(b, 1), pieces);
    }
    CHECK(read(whole).data == read(pieces).data);
}

TEST_CASE("rotary turns pairs by the position's angle and back") {
    const Index size = GENERATE(2, 20, 80, 128);
    const Pairing pairing = GENERATE(Pairing::halves, Pairing::interleaved);
    compare([&](auto& device) {
        const Shape<3> shape{2, 70, 3 * size};
        const auto buffer = place(device, shape, Values::normal(element_count(shape), 1));
        rotary(device, heads_of(buffer, 0, 2, size), 5, {.size = size, .pairing = pairing});
        const Values turned = read(buffer);
        rotary(device, heads_of(buffer, 0, 2, size), 5, {.size = size, .pairing = pairing, .inverse = true});
        CHECK(relative_error(read(buffer), Values::normal(element_count(shape), 1)) < tolerance);
        rotary(device, heads_of(buffer, size, 1, size), 0, {.size = size / 2 / 2 * 2, .pairing = pairing});
        return std::vector{turned, read(buffer)};
    });
}

TEST_CASE("attention and its gradient agree for any length, head size and grouping") {
    struct Case {
        Index batch, time, heads, kv_heads, size, window = 0;
        double alibi = 0;
    };
    const auto c =
        GENERATE(Case{1, 1, 1, 1, 4}, Case{2, 13, 3, 3, 20}, Case{1, 129, 2, 1, 80}, Case{2, 64, 4, 2, 100},
                 Case{1, 300, 2, 2, 64}, Case{1, 700, 2, 1, 20, 5}, Case{1, 700, 2, 1, 20, 300},
                 Case{2, 70, 5, 5, 12, 0, 8}, Case{1, 600, 3, 1, 12, 261, 16});
    INFO("time " << c.time << " size " << c.size);
    compare([&](auto& device) {
        const Index columns = (c.heads + 2 * c.kv_heads) * c.size;
        const Shape<3> fused{c.batch, c.time, columns};
        const Shape<3> outer{c.batch, c.time, c.heads * c.size};
        const auto qkv = place(device, fused, Values::normal(element_count(fused), 1));
        const auto dqkv = poisoned(device, fused);
        const auto out = poisoned(device, outer);
        const auto dout = place(device, outer, Values::normal(element_count(outer), 2));
        const auto log_sum = poisoned(device, Shape<3>{c.batch, c.heads, c.time});
        const auto part = [&](auto buffer, Index first, Index count) {
            return heads_of(buffer, first * c.size, count, c.size);
        };
        const AttentionRule rule{
            .scale = 1 / std::sqrt(static_cast<double>(c.size)), .window = c.window, .alibi_bias_max = c.alibi};
        const auto q = part(qkv, 0, c.heads), k = part(qkv, c.heads, c.kv_heads);
        const auto v = part(qkv, c.heads + c.kv_heads, c.kv_heads);
        attention(device, q, k, v, rule, part(out, 0, c.heads), log_sum);
        attention_gradient(device, q, k, v, rule, part(out, 0, c.heads), log_sum, part(dout, 0, c.heads),
                           part(dqkv, 0, c.heads), part(dqkv, c.heads, c.kv_heads),
                           part(dqkv, c.heads + c.kv_heads, c.kv_heads));
        return std::vector{read(out), read(log_sum), read(dqkv)};
    });
}

TEST_CASE("attention over a longer past equals the last rows of the whole, bit for bit") {
    Cpu device({.threads = 2});
    const Index time = 700, heads = 3, size = 24, fresh = 7;
    const AttentionRule rule = GENERATE(AttentionRule{}, AttentionRule{.window = 40}, AttentionRule{.window = 400},
                                        AttentionRule{.alibi_bias_max = 8});
    const Shape<3> fused{1, time, 3 * heads * size};
    const auto qkv = place(device, fused, Values::normal(element_count(fused), 1));
    const auto q = heads_of(qkv, 0, heads, size), k = heads_of(qkv, heads * size, heads, size);
    const auto v = heads_of(qkv, 2 * heads * size, heads, size);
    const auto whole = poisoned(device, Shape<3>{1, time, heads * size});
    const auto last = poisoned(device, Shape<3>{1, fresh, heads * size});
    attention(device, q, k, v, rule, heads_of(whole, 0, heads, size), poisoned(device, Shape<3>{1, heads, time}));
    attention(device, q.slice(time - fresh, fresh), k, v, rule, heads_of(last, 0, heads, size),
              poisoned(device, Shape<3>{1, heads, fresh}));
    CHECK(read(last).data == read(whole.at(0).slice(time - fresh, fresh)).data);
}

TEST_CASE("swiglu and its gradient agree") {
    const Index width = GENERATE(1, 31, 172);
    compare([&](auto& device) {
        const Index rows = 19;
        const auto gate_up = place(device, Shape<2>{rows, 2 * width}, Values::normal(rows * 2 * width, 1, 4.0));
        const auto dout = place(device, Shape<2>{rows, width}, Values::normal(rows * width, 2));
        const auto out = poisoned(device, Shape<2>{rows, width});
        const auto dgate_up = poisoned(device, Shape<2>{rows, 2 * width});
        swiglu(device, gate_up, out);
        swiglu_gradient(device, gate_up, dout, dgate_up);
        return std::vector{read(out), read(dgate_up)};
    });
}

TEST_CASE("swiglu stays finite far from zero") {
    Cpu device({.threads = 1});
    const auto gate_up = place(device, Shape<2>{1, 4}, Values{{-200, 200, 3, 3}});
    const auto out = poisoned(device, Shape<2>{1, 2});
    swiglu(device, gate_up, out);
    CHECK(std::abs(out[0]) < 1e-30F);
    CHECK(out[1] == Approx(600.0));
}

TEST_CASE("cross entropy and its gradient agree") {
    const Index vocabulary = GENERATE(2, 61, 1000);
    std::vector<std::int32_t> targets = random_ids(29, vocabulary, 4);
    targets[3] = targets[28] = -1;  // not counted
    compare([&](auto& device) {
        const Shape<2> shape{29, vocabulary};
        const auto logits = place(device, shape, Values::normal(element_count(shape), 1, 5.0));
        const auto losses = poisoned(device, Shape<1>{29});
        const auto same = poisoned(device, Shape<1>{29});
        cross_entropy(device, logits, view_of(targets), losses);
        cross_entropy_gradient(device, logits, view_of(targets), same, 0.125);
        CHECK(losses[3] == 0);
        CHECK(same[28] == 0);
        CHECK(read(logits.at(3)).data == std::vector<double>(static_cast<std::size_t>(vocabulary), 0.0));
        return std::vector{read(losses), read(same), read(logits)};
    });
}

TEST_CASE("adamw agrees over several steps") {
    const Index n = 1003;
    compare([&](auto& device) {
        const auto w = place(device, Shape<1>{n}, Values::normal(n, 1));
        const auto m = place(device, Shape<1>{n}, Values::constant(n, 0));
        const auto v = place(device, Shape<1>{n}, Values::constant(n, 0));
        for (int step = 1; step <= 3; ++step) {
            const auto g = place(device, Shape<1>{n}, Values::normal(n, static_cast<std::uint64_t>(10 + step)));
            adamw(device, w, g, m, v,
                  {.decay = 1e-3,
                   .step_size = 1e-2 / (1 - std::pow(0.9, step)),
                   .inverse_correction2 = 1 / std::sqrt(1 - std::pow(0.95, step)),
                   .gradient_scale = 0.5});
        }
        return std::vector{read(w), read(m), read(v)};
    });
}

TEST_CASE("rmsprop agrees over several steps") {
    const Index n = GENERATE(1, 17, 1003);
    compare([&](auto& device) {
        const auto w = place(device, Shape<1>{n}, Values::normal(n, 1));
        const auto v = place(device, Shape<1>{n}, Values::constant(n, 0));
        for (int step = 1; step <= 3; ++step) {
            const auto g = place(device, Shape<1>{n}, Values::normal(n, static_cast<std::uint64_t>(10 + step)));
            rmsprop(device, w, g, v, {.decay = 0.9, .rate = 1e-2, .gradient_scale = 0.5, .weight_decay = 0.1});
        }
        return std::vector{read(w), read(v)};
    });
}

TEST_CASE("shape errors name the operation and both sides") {
    Cpu device({.threads = 1});
    const auto x = scratch(device, Shape<2>{8, 64});
    const auto w = scratch(device, Shape<2>{128, 32});
    const auto y = scratch(device, Shape<2>{8, 128});
    CHECK_THROWS_WITH(matmul(device, x, w, y), "[matmul] inner extents differ: x is [8, 64], w is [128, 32]");
    CHECK_THROWS_WITH(add(device, x.flat(), w.flat(), x.flat()), ContainsSubstring("x is [512], y is [4096]"));
    CHECK_THROWS_AS(swiglu(device, x, y), Error);
    CHECK_THROWS_WITH(rmsprop(device, x.flat(), x.flat(), w.flat(), {}),
                      "[rmsprop] weights is [512], v is [4096]");
    CHECK_THROWS_AS(rotary(device, heads_of(x.reshape<3>({1, 8, 64}), 0, 4, 16), 0, {.size = 17}), Error);
    CHECK_THROWS_WITH(rotary(device, heads_of(x.reshape<3>({1, 8, 64}), 0, 4, 16), 0, {.size = -2}),
                      "[rotary] cannot rotate -2 elements of heads [1, 8, 4, 16]");
}
