// Attention and rotary embeddings over windows of several documents.

#include "catch.hpp"
#include "support/arrays.hpp"
#include "support/documents.hpp"

#include <lapidary/cpu.hpp>
#include <lapidary/ops/ops.hpp>
#include <lapidary/reference.hpp>

#include <cmath>
#include <vector>

using namespace lapidary;
using namespace lapidary::test;

namespace {

struct Case {
    Index batch, time, heads, kv_heads, size, longest;
    Index window = 0;
    double alibi = 0;
};

/// out, log_sum, dq, dk, dv of one attention. `starts`: as the rule has them.
template <class D>
std::vector<Values> attend(D& device, const Case& c, DocumentStarts starts) {
    const auto part = [&](Index heads, std::uint64_t item) {
        const Shape<3> shape{c.batch, c.time, heads * c.size};
        return heads_of(place(device, shape, Values::normal(element_count(shape), item)), 0, heads, c.size);
    };
    const auto empty = [&](Index heads) { return poisoned(device, Shape<3>{c.batch, c.time, heads * c.size}); };
    const auto heads = [&](auto buffer) { return heads_of(buffer, 0, buffer.extent(2) / c.size, c.size); };
    const auto q = part(c.heads, 1), k = part(c.kv_heads, 2), v = part(c.kv_heads, 3), dout = part(c.heads, 4);
    const auto out = empty(c.heads), dq = empty(c.heads), dk = empty(c.kv_heads), dv = empty(c.kv_heads);
    const auto log_sum = poisoned(device, Shape<3>{c.batch, c.heads, c.time});
    const AttentionRule rule{.scale = 1 / std::sqrt(static_cast<double>(c.size)),
                             .window = c.window,
                             .alibi_bias_max = c.alibi,
                             .starts = starts};
    attention(device, q, k, v, rule, heads(out), log_sum);
    attention_gradient(device, q, k, v, rule, heads(out), log_sum, dout, heads(dq), heads(dk), heads(dv));
    return {read(out), read(log_sum), read(dq), read(dk), read(dv)};
}

template <class D>
std::vector<Values> attend_documents(D& device, const Case& c) {
    return attend(device, c,
                  place_starts(device, {c.batch, c.time}, random_starts(c.batch, c.time, c.longest, 1)));
}

void check_equal(const std::vector<Values>& a, const std::vector<Values>& b) {
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
        INFO("result " << i);
        CHECK(a[i].data == b[i].data);
    }
}

Case any_case() {
    return GENERATE(Case{1, 1, 1, 1, 4, 1}, Case{2, 13, 3, 3, 20, 5}, Case{1, 129, 2, 1, 80, 40},
                    Case{2, 64, 4, 2, 100, 30}, Case{1, 65, 2, 2, 12, 1}, Case{3, 700, 2, 1, 20, 90},
                    Case{1, 700, 2, 1, 20, 900, 300}, Case{2, 333, 2, 1, 20, 60, 17},
                    Case{2, 170, 5, 5, 12, 50, 0, 8}, Case{1, 600, 3, 1, 12, 400, 261, 16});
}

}  // namespace

TEST_CASE("attention within documents and its gradient agree with the Reference") {
    const Case c = any_case();
    CAPTURE(c.time, c.heads, c.size, c.longest, c.window, c.alibi);
    Cpu cpu({.threads = 3});
    Reference reference;
    const std::vector<Values> fast = attend_documents(cpu, c), exact = attend_documents(reference, c);
    for (std::size_t i = 0; i < fast.size(); ++i) {
        INFO("result " << i);
        // Where every query sees its own key alone, gradients of scores are 0 but for rounding.
        if (c.longest == 1 && (i == 2 || i == 3)) continue;
        CHECK(relative_error(fast[i], exact[i]) < 2e-6);
    }
    Cpu one({.threads = 1});
    check_equal(attend_documents(one, c), fast);
}

TEST_CASE("where all starts are 0, attention has the bits it has without") {
    const Case c = any_case();
    CAPTURE(c.time, c.heads, c.size, c.window, c.alibi);
    Cpu device({.threads = 2});
    const std::vector<std::int32_t> zeros(static_cast<std::size_t>(c.batch * c.time), 0);
    check_equal(attend(device, c, place_starts(device, {c.batch, c.time}, zeros)), attend(device, c, {}));
}

TEST_CASE("a document attends as it does alone, and nothing of others reaches it") {
    const Index time = 40, size = 6, first = 11, count = 17;
    std::vector<std::int32_t> starts(static_cast<std::size_t>(time), 0);
    for (Index t = first; t < time; ++t)
        starts[static_cast<std::size_t>(t)] = static_cast<std::int32_t>(t < first + count ? first : first + count);
    const AttentionRule plain{.scale = 0.4, .alibi_bias_max = GENERATE(0.0, 8.0)};
    Reference device;
    const auto heads = [&](std::uint64_t item, double others) {
        Values values = Values::normal(time * 2 * size, item);
        for (Index i = 0; i < time * 2 * size; ++i) {
            const Index t = i / (2 * size);
            if (t < first || t >= first + count) values.data[static_cast<std::size_t>(i)] += others;
        }
        return heads_of(place(device, Shape<3>{1, time, 2 * size}, values), 0, 2, size);
    };
    const auto empty = [&](Index tokens) {
        return heads_of(poisoned(device, Shape<3>{1, tokens, 2 * size}), 0, 2, size);
    };
    const auto row_values = [&](const Heads<double>& x) {
        Values values;
        for (Index t = 0; t < x.time; ++t)
            for (Index i = 0; i < 2 * size; ++i) values.data.push_back(x.row(0, t, 0)[i]);
        return values;
    };
    for (const double others : {0.0, 3.0}) {
        const auto q = heads(1, others), k = heads(2, others), v = heads(3, others), dout = heads(4, others);
        const auto run = [&](Index from, Index tokens, const AttentionRule& rule) {
            const auto part = [&](const Heads<double>& x) { return Heads<const double>(x.slice(from, tokens)); };
            const auto out = empty(tokens), dq = empty(tokens), dk = empty(tokens), dv = empty(tokens);
            const auto log_sum = poisoned(device, Shape<3>{1, 2, tokens});
            attention(device, part(q), part(k), part(v), rule, out, log_sum);
            attention_gradient(device, part(q), part(k), part(v), rule, out, log_sum, part(dout), dq, dk, dv);
            return std::vector{out, dq, dk, dv};
        };
        AttentionRule rule = plain;
        rule.starts = place_starts(device, {1, time}, starts);
        const auto packed = run(0, time, rule), alone = run(first, count, plain);
        for (std::size_t i = 0; i < packed.size(); ++i) {
            INFO("result " << i << ", others by " << others);
            CHECK(relative_error(row_values(packed[i].slice(first, count)), row_values(alone[i])) < 1e-14);
        }
    }
}

TEST_CASE("attention within documents over a past agrees with that of all queries") {
    const Index time = 200, past = GENERATE(1, 64, 150), size = 8;
    const std::vector<std::int32_t> starts = random_starts(1, time, 70, 3);
    const auto run = [&](auto& device, Index from) {
        const auto part = [&](std::uint64_t item) {
            return heads_of(place(device, Shape<3>{1, time, size}, Values::normal(time * size, item)), 0, 1, size);
        };
        const auto out = poisoned(device, Shape<3>{1, time - from, size});
        const auto log_sum = poisoned(device, Shape<3>{1, 1, time - from});
        const AttentionRule rule{
            .scale = 0.3, .starts = place_starts(device, {1, time - from}, {starts.begin() + from, starts.end()})};
        attention(device, part(1).slice(from, time - from), part(2), part(3), rule, heads_of(out, 0, 1, size),
                  log_sum);
        return read(out);
    };
    Cpu cpu({.threads = 2});
    const std::vector<double> whole = run(cpu, 0).data;
    CHECK(run(cpu, past).data == std::vector(whole.begin() + past * size, whole.end()));
    Reference reference;
    CHECK(relative_error(run(cpu, past), run(reference, past)) < 2e-6);
}

TEST_CASE("rotary counts from the first token of a document") {
    const Pairing pairing = GENERATE(Pairing::halves, Pairing::interleaved);
    const Index batch = 3, time = 70, size = 20;
    const Shape<3> shape{batch, time, 2 * size};
    const std::vector<std::int32_t> starts = random_starts(batch, time, 25, 2);
    const auto run = [&](auto& device, const std::vector<std::int32_t>& from, bool inverse) {
        const auto buffer = place(device, shape, Values::normal(element_count(shape), 1));
        const Positions positions(0, from.empty() ? DocumentStarts() : place_starts(device, {batch, time}, from));
        rotary(device, heads_of(buffer, 0, 2, size), positions,
               {.size = 12, .pairing = pairing, .inverse = inverse});
        return read(buffer);
    };
    Cpu cpu({.threads = 2});
    Reference reference;
    for (const bool inverse : {false, true}) {
        CHECK(relative_error(run(cpu, starts, inverse), run(reference, starts, inverse)) < 1e-6);
        const std::vector<std::int32_t> zeros(starts.size(), 0);
        CHECK(run(cpu, zeros, inverse).data == run(cpu, {}, inverse).data);
        CHECK(run(cpu, starts, inverse).data != run(cpu, {}, inverse).data);
    }
    // A document's tokens are turned as those of a sequence of its own.
    const auto alone = place(reference, Shape<3>{1, 3, size}, Values::normal(3 * size, 5));
    const auto packed = poisoned(reference, Shape<3>{1, 6, size});
    copy(reference, alone.flat(), packed.flat().slice(0, 3 * size));
    copy(reference, alone.flat(), packed.flat().slice(3 * size, 3 * size));
    rotary(reference, heads_of(packed, 0, 1, size), {0, place_starts(reference, {1, 6}, {0, 0, 0, 3, 3, 3})},
           {.size = size, .pairing = pairing});
    rotary(reference, heads_of(alone, 0, 1, size), 0, {.size = size, .pairing = pairing});
    CHECK(read(packed.flat().slice(3 * size, 3 * size)).data == read(alone).data);
}

TEST_CASE("starts of another shape than the queries' are refused") {
    Reference device;
    const auto x = heads_of(place(device, Shape<3>{2, 3, 4}, Values::normal(24, 1)), 0, 1, 4);
    const auto log_sum = poisoned(device, Shape<3>{2, 1, 3});
    const AttentionRule rule{.starts = place_starts(device, {1, 6}, {0, 0, 0, 0, 0, 0})};
    CHECK_THROWS_WITH(attention(device, x, x, x, rule, x, log_sum),
                      "[attention] q is [2, 3, 1, 4], the starts of documents are [1, 6]");
    CHECK_THROWS_WITH(attention_gradient(device, x, x, x, rule, x, log_sum, x, x, x, x),
                      ContainsSubstring("[attention_gradient] q is"));
    CHECK_THROWS_WITH(rotary(device, x, {0, rule.starts}, {.size = 4}),
                      "[rotary] heads are [2, 3, 1, 4], the starts of documents are [1, 6]");
}
