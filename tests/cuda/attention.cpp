// Attention on a GPU or its stand-in against the Reference in double.

#include "support.hpp"
#include "support/documents.hpp"

#include <lapidary/cuda/attention.cuh>
#include <lapidary/cuda/attention_gradient.cuh>

#include <cmath>

using namespace lapidary;
using namespace lapidary::test;

namespace {

struct Case {
    Index batch, time, heads, kv_heads, size;
    Index window = 0;
    double alibi = 0;
    Index gap = 0;      // elements between the parts of a row, so that rows need not be aligned
    Index longest = 0;  // of documents, in tokens; 0: a sequence is one document
};

AttentionRule rule_of(const Case& c) {
    return {.scale = 1 / std::sqrt(static_cast<double>(c.size)), .window = c.window, .alibi_bias_max = c.alibi};
}

// The same with documents.
template <class D>
AttentionRule rule_of(D& device, const Case& c) {
    AttentionRule rule = rule_of(c);
    if (c.longest > 0)
        rule.starts = place_starts(device, {c.batch, c.time}, random_starts(c.batch, c.time, c.longest, 1));
    return rule;
}

// q, k and v as parts of one buffer [B, T, (H + 2 K) D + gap].
template <class T>
struct Parts {
    Heads<T> q, k, v;

    Parts(View<T, 3> buffer, const Case& c)
        : q(heads_of(buffer, c.gap, c.heads, c.size)),
          k(heads_of(buffer, c.gap + c.heads * c.size, c.kv_heads, c.size)),
          v(heads_of(buffer, c.gap + (c.heads + c.kv_heads) * c.size, c.kv_heads, c.size)) {}
};

// The elements of heads inside a buffer; what lies between them is the caller's.
template <class T>
Values read_heads(const Heads<T>& x) {
    Values values;
    if (x.batch * x.time * x.heads * x.size == 0) return values;
    const View<T, 1> around(x.data, {x.row(x.batch - 1, x.time - 1, x.heads - 1) + x.size - x.data});
    const auto elements = on_host(around);
    for (Index b = 0; b < x.batch; ++b) {
        for (Index t = 0; t < x.time; ++t) {
            for (Index h = 0; h < x.heads; ++h) {
                const auto row = elements.begin() + (x.row(b, t, h) - x.data);
                for (Index i = 0; i < x.size; ++i) values.data.push_back(static_cast<double>(row[i]));
            }
        }
    }
    return values;
}

template <class... Each>
Values together(const Each&... each) {
    Values all;
    (all.data.insert(all.data.end(), each.data.begin(), each.data.end()), ...);
    return all;
}

Shape<3> packed_shape(const Case& c) { return {c.batch, c.time, (c.heads + 2 * c.kv_heads) * c.size + c.gap}; }

template <class T>
void check_with_gradient(const Case& c) {
    CAPTURE(c.batch, c.time, c.heads, c.kv_heads, c.size, c.window, c.alibi, c.gap, c.longest);
    compare_gpu<T>([&](auto& device, auto normal) {
        const Shape<3> fused = packed_shape(c), outer{c.batch, c.time, c.heads * c.size};
        const auto qkv = place(device, fused, normal(element_count(fused), 1));
        const auto dqkv = poisoned(device, fused);
        const auto out = heads_of(poisoned(device, outer), 0, c.heads, c.size);
        const auto dout = heads_of(place(device, outer, normal(element_count(outer), 2)), 0, c.heads, c.size);
        const auto log_sum = poisoned_accumulators(device, Shape<3>{c.batch, c.heads, c.time});
        const Parts in(qkv, c), gradients(dqkv, c);
        const AttentionRule rule = rule_of(device, c);
        attention(device, in.q, in.k, in.v, rule, out, log_sum);
        attention_gradient(device, in.q, in.k, in.v, rule, out, log_sum, dout, gradients.q, gradients.k,
                           gradients.v);
        const Values dq = read_heads(gradients.q), dk = read_heads(gradients.k), dv = read_heads(gradients.v);
        std::vector<Values> results{read_heads(out), read(log_sum), together(dq, dk, dv)};
        // Where each query sees one key, dq and dk are 0 but for rounding.
        if (c.time > 1 && c.window != 1 && c.longest != 1) results.insert(results.end(), {dq, dk, dv});
        return results;
    });
}

}  // namespace

TEMPLATE_TEST_CASE("attention and its gradient on a GPU", "", float, bf16) {
    const auto c = GENERATE(
        Case{2, 1, 1, 1, 8}, Case{1, 1, 4, 2, 128}, Case{1, 1, 3, 1, 16, 20, 8}, Case{1, 17, 3, 1, 80},
        Case{2, 17, 4, 2, 16, 1}, Case{1, 17, 4, 2, 64, 0, 8}, Case{1, 63, 1, 1, 64}, Case{1, 63, 3, 1, 8, 20},
        Case{1, 64, 1, 1, 128}, Case{1, 64, 4, 2, 16, 20}, Case{1, 65, 3, 1, 16, 20, 8}, Case{1, 65, 1, 1, 80, 1},
        Case{1, 65, 1, 1, 128, 20}, Case{1, 130, 1, 1, 16, 1}, Case{1, 130, 4, 2, 8, 20},
        Case{1, 130, 3, 1, 8, 0, 16}, Case{1, 130, 1, 1, 64, 70}, Case{1, 130, 1, 1, 96, 0, 0, 8});
    check_with_gradient<TestType>(c);
}

TEMPLATE_TEST_CASE("attention and its gradient on a GPU, any length, size, grouping and rule", "[long]", float,
                   bf16) {
    const Index time = GENERATE(1, 17, 63, 64, 65, 130), size = GENERATE(8, 16, 64, 80, 128);
    const Index heads = GENERATE(1, 3, 4), kv_heads = heads == 4 ? 2 : 1;
    const Index window = GENERATE(0, 1, 20);
    const double alibi = GENERATE(0.0, 8.0);
    check_with_gradient<TestType>({1, time, heads, kv_heads, size, window, alibi});
}

TEMPLATE_TEST_CASE("attention within documents and its gradient on a GPU", "", float, bf16) {
    const auto c =
        GENERATE(Case{.batch = 1, .time = 1, .heads = 1, .kv_heads = 1, .size = 8, .longest = 1},
                 Case{.batch = 2, .time = 33, .heads = 4, .kv_heads = 2, .size = 16, .longest = 1},
                 Case{.batch = 2, .time = 65, .heads = 3, .kv_heads = 1, .size = 16, .longest = 9},
                 Case{.batch = 3, .time = 130, .heads = 2, .kv_heads = 1, .size = 8, .longest = 60},
                 Case{.batch = 1, .time = 211, .heads = 1, .kv_heads = 1, .size = 64, .longest = 150},
                 Case{.batch = 1, .time = 130, .heads = 1, .kv_heads = 1, .size = 128, .longest = 70},
                 Case{.batch = 2, .time = 97, .heads = 1, .kv_heads = 1, .size = 80, .longest = 50},
                 Case{.batch = 1, .time = 70, .heads = 1, .kv_heads = 1, .size = 96, .longest = 30},
                 Case{.batch = 1, .time = 70, .heads = 1, .kv_heads = 1, .size = 256, .longest = 40},
                 Case{.batch = 2, .time = 131, .heads = 2, .kv_heads = 1, .size = 16, .window = 20, .longest = 60},
                 Case{.batch = 1,
                      .time = 150,
                      .heads = 3,
                      .kv_heads = 1,
                      .size = 8,
                      .window = 70,
                      .alibi = 8,
                      .longest = 120},
                 Case{.batch = 2, .time = 90, .heads = 3, .kv_heads = 3, .size = 16, .alibi = 8, .longest = 33},
                 Case{.batch = 1, .time = 70, .heads = 2, .kv_heads = 2, .size = 7, .gap = 3, .longest = 25});
    check_with_gradient<TestType>(c);
}

TEMPLATE_TEST_CASE("where all starts are 0, attention on a GPU has the bits it has without", "", float, bf16) {
    const auto c = GENERATE(Case{2, 131, 4, 2, 16}, Case{1, 131, 1, 1, 64, 40}, Case{1, 70, 3, 1, 128, 0, 8});
    CAPTURE(c.time, c.size);
    auto&& gpu = fresh_gpu<TestType>();
    const Shape<3> fused = packed_shape(c), outer{c.batch, c.time, c.heads * c.size};
    const Parts in(place(gpu, fused, representable<TestType>(element_count(fused), 1)), c);
    const auto dout =
        heads_of(place(gpu, outer, representable<TestType>(element_count(outer), 2)), 0, c.heads, c.size);
    const auto run = [&](DocumentStarts starts) {
        AttentionRule rule = rule_of(c);
        rule.starts = starts;
        const auto out = heads_of(poisoned(gpu, outer), 0, c.heads, c.size);
        const auto log_sum = poisoned_accumulators(gpu, Shape<3>{c.batch, c.heads, c.time});
        const Parts gradients(poisoned(gpu, fused), c);
        attention(gpu, in.q, in.k, in.v, rule, out, log_sum);
        attention_gradient(gpu, in.q, in.k, in.v, rule, out, log_sum, dout, gradients.q, gradients.k, gradients.v);
        return std::vector{read_heads(out), read(log_sum), read_heads(gradients.q), read_heads(gradients.k),
                           read_heads(gradients.v)};
    };
    const std::vector<std::int32_t> zeros(static_cast<std::size_t>(c.batch * c.time), 0);
    check_equal(run(place_starts(gpu, {c.batch, c.time}, zeros)), run({}));
}

TEMPLATE_TEST_CASE("attention within documents over a past on a GPU, with the bits of all queries", "", float,
                   bf16) {
    const Index time = 150, size = 16, from = GENERATE(1, 63, 130);
    const std::vector<std::int32_t> starts = random_starts(2, time, 70, 3);
    const auto run = [&](auto& device, auto normal, Index first) {
        const Shape<3> outer{2, time, size};
        const auto part = [&](std::uint64_t item) {
            return heads_of(place(device, outer, normal(element_count(outer), item)), 0, 1, size);
        };
        std::vector<std::int32_t> own;
        for (Index b = 0; b < 2; ++b)
            own.insert(own.end(), starts.begin() + b * time + first, starts.begin() + (b + 1) * time);
        const auto out = poisoned(device, Shape<3>{2, time - first, size});
        const auto log_sum = poisoned_accumulators(device, Shape<3>{2, 1, time - first});
        const AttentionRule rule{.scale = 0.3, .starts = place_starts(device, {2, time - first}, own)};
        attention(device, part(1).slice(first, time - first), part(2), part(3), rule, heads_of(out, 0, 1, size),
                  log_sum);
        return std::pair(out, log_sum);
    };
    compare_gpu<TestType>([&](auto& device, auto normal) {
        const auto [out, log_sum] = run(device, normal, from);
        return std::vector{read(out), read(log_sum)};
    });
    auto&& gpu = fresh_gpu<TestType>();
    const auto normal = [](Index count, std::uint64_t item) { return representable<TestType>(count, item); };
    const auto whole = run(gpu, normal, 0), part = run(gpu, normal, from);
    for (Index b = 0; b < 2; ++b) {
        CHECK(read(part.first.at(b)).data == read(whole.first.at(b).slice(from, time - from)).data);
        CHECK(read(part.second.at(b).at(0)).data == read(whole.second.at(b).at(0).slice(from, time - from)).data);
    }
}

TEMPLATE_TEST_CASE("attention of heads whose rows are not aligned", "", float, bf16) {
    const auto c = GENERATE(Case{2, 33, 2, 1, 5}, Case{1, 40, 2, 2, 7, 9, 8, 3}, Case{1, 70, 1, 1, 8, 0, 0, 1},
                            Case{1, 34, 1, 1, 90, 0, 0, 2});
    check_with_gradient<TestType>(c);
}

TEMPLATE_TEST_CASE("attention of the largest heads", "", float, bf16) {
    const auto c = GENERATE(Case{1, 33, 2, 1, 256}, Case{1, 70, 1, 1, 136, 40});
    check_with_gradient<TestType>(c);
}

TEMPLATE_TEST_CASE("attention over a past in a cache", "", float, bf16) {
    const auto c = GENERATE(Case{2, 1, 4, 2, 16}, Case{1, 1, 1, 1, 128}, Case{1, 70, 2, 1, 8, 30, 8},
                            Case{1, 3, 3, 1, 80, 20});
    const Index past = GENERATE(1, 63, 130);
    CAPTURE(c.time, c.size, past);
    compare_gpu<TestType>([&](auto& device, auto normal) {
        const Shape<3> outer{c.batch, c.time, c.heads * c.size};
        const Shape<3> cache{c.batch, past + c.time + 5, c.kv_heads * c.size};  // room for more
        const auto heads = [&](auto buffer, Index count) { return heads_of(buffer, 0, count, c.size); };
        const auto q = heads(place(device, outer, normal(element_count(outer), 1)), c.heads);
        const auto k =
            heads(place(device, cache, normal(element_count(cache), 2)), c.kv_heads).first(past + c.time);
        const auto v =
            heads(place(device, cache, normal(element_count(cache), 3)), c.kv_heads).first(past + c.time);
        const auto out = heads(poisoned(device, outer), c.heads);
        const auto log_sum = poisoned_accumulators(device, Shape<3>{c.batch, c.heads, c.time});
        attention(device, q, k, v, rule_of(c), out, log_sum);
        return std::vector{read_heads(out), read(log_sum)};
    });
}

TEMPLATE_TEST_CASE("a query's bits depend neither on other queries nor on other sequences", "", float, bf16) {
    const auto rule = GENERATE(AttentionRule{.scale = 0.25}, AttentionRule{.scale = 0.25, .window = 40},
                               AttentionRule{.scale = 0.25, .window = 100, .alibi_bias_max = 8});
    auto&& gpu = fresh_gpu<TestType>();
    const Case c{.batch = 2, .time = 150, .heads = 2, .kv_heads = 1, .size = 16};
    const Shape<3> fused = packed_shape(c);
    const auto qkv = place(gpu, fused, representable<TestType>(element_count(fused), 1));
    const Parts in(qkv, c);
    const auto run = [&](Index sequence, Index batch, Index first, Index time) {
        const auto part = [&](auto x, Index from, Index count) {
            x = x.slice(from, count);
            x.data += sequence * x.batch_stride;
            x.batch = batch;
            return x;
        };
        const auto out = poisoned(gpu, Shape<3>{batch, time, c.heads * c.size});
        const auto log_sum = poisoned_accumulators(gpu, Shape<3>{batch, c.heads, time});
        attention(gpu, part(in.q, first, time), part(in.k, 0, first + time), part(in.v, 0, first + time), rule,
                  heads_of(out, 0, c.heads, c.size), log_sum);
        return std::pair(out, log_sum);
    };
    const auto [whole, logs] = run(0, c.batch, 0, c.time);
    for (const auto& [first, time] : {std::pair<Index, Index>{0, 150}, {149, 1}, {77, 5}, {3, 130}}) {
        CAPTURE(first, time);
        const auto [out, own_logs] = run(1, 1, first, time);
        CHECK(read(out).data == read(whole.at(1).slice(first, time)).data);
        for (Index h = 0; h < c.heads; ++h)
            CHECK(read(own_logs.at(0).at(h)).data == read(logs.at(1).at(h).slice(first, time)).data);
    }
}

TEMPLATE_TEST_CASE("scales that are negative or large", "", float, bf16) {
    const double scale = GENERATE(-0.2, 8.0);
    const Case c{.batch = 1, .time = 20, .heads = 1, .kv_heads = 1, .size = 8};
    compare_gpu<TestType>([&](auto& device, auto normal) {
        const Shape<3> fused = packed_shape(c);
        // Few digits: the products are exact, so that large scales do not magnify their rounding.
        Values values = normal(element_count(fused), 1);
        for (double& value : values.data) value = std::round(4 * value) / 4;
        const Parts in(place(device, fused, values), c);
        const auto out = poisoned(device, Shape<3>{1, c.time, c.size});
        const auto log_sum = poisoned_accumulators(device, Shape<3>{1, 1, c.time});
        attention(device, in.q, in.k, in.v, {.scale = scale}, heads_of(out, 0, 1, c.size), log_sum);
        return std::vector{read(out), read(log_sum)};
    });
}

TEMPLATE_TEST_CASE("attention over empty axes on a GPU", "", float, bf16) {
    auto&& gpu = fresh_gpu<TestType>();
    const auto ones = [&](Shape<3> shape) { return place(gpu, shape, Values::constant(element_count(shape), 1)); };
    // [B, T, H, D], the last with positions but without channels: every score is 0.
    for (const Shape<4> shape : {Shape<4>{0, 3, 2, 4}, Shape<4>{2, 0, 2, 4}, Shape<4>{1, 3, 2, 0}}) {
        const auto [batch, time, heads, size] = shape;
        const auto x = heads_of(ones({batch, time, heads * size}), 0, heads, size);
        const auto log_sum = poisoned_accumulators(gpu, Shape<3>{batch, heads, time});
        const auto out = heads_of(poisoned(gpu, Shape<3>{batch, time, heads * size}), 0, heads, size);
        attention(gpu, x, x, x, {}, out, log_sum);
        attention_gradient(gpu, x, x, x, {}, out, log_sum, x, out, out, out);
        const Values logs = read(log_sum);
        for (std::size_t i = 0; i < logs.data.size(); ++i) {
            const auto keys = static_cast<double>(i % static_cast<std::size_t>(time) + 1);
            CHECK(logs.data[i] == Approx(std::log(keys)).margin(1e-7));
        }
    }
    // No query head: nothing depends on the keys.
    const auto k = heads_of(ones({1, 3, 8}), 0, 2, 4);
    const auto q = heads_of(ones({1, 3, 0}), 0, 0, 4);
    const auto dk = heads_of(poisoned(gpu, Shape<3>{1, 3, 8}), 0, 2, 4);
    const auto dv = heads_of(poisoned(gpu, Shape<3>{1, 3, 8}), 0, 2, 4);
    const auto none = poisoned_accumulators(gpu, Shape<3>{1, 0, 3});
    attention(gpu, q, k, k, {}, q, none);
    attention_gradient(gpu, q, k, k, {}, q, none, q, q, dk, dv);
    CHECK(together(read_heads(dk), read_heads(dv)).data == std::vector<double>(48, 0.0));
    // No new query over a past.
    attention(gpu, k.first(0), k, k, {}, k.first(0), poisoned_accumulators(gpu, Shape<3>{1, 2, 0}));
}

TEMPLATE_TEST_CASE("heads that are too large for a GPU are refused", "", float, bf16) {
    auto&& gpu = fresh_gpu<TestType>();
    const auto x = heads_of(poisoned(gpu, Shape<3>{1, 1, 257}), 0, 1, 257);
    const auto log_sum = poisoned_accumulators(gpu, Shape<3>{1, 1, 1});
    CHECK_THROWS_WITH(attention(gpu, x, x, x, {}, x, log_sum),
                      "[attention] heads have 257 elements; on a GPU they have at most 256");
    CHECK_THROWS_AS(attention_gradient(gpu, x, x, x, {}, x, log_sum, x, x, x, x), Error);
}
