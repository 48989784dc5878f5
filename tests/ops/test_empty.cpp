// Every operation on empty axes: it writes what an empty sum says, and nothing else.

#include "catch.hpp"
#include "support/arrays.hpp"

#include <lapidary/cpu.hpp>
#include <lapidary/ops/ops.hpp>
#include <lapidary/reference.hpp>

#include <cstdint>
#include <vector>

using namespace lapidary;
using namespace lapidary::test;

namespace {

using List = std::vector<double>;

/// A device, with and without threads to share the nothing among.
template <class D>
struct Small {
    D device;
};
template <>
struct Small<Cpu> {
    Cpu device{{.threads = GENERATE(1, 3)}};
};

template <class D, std::size_t Rank>
View<Scalar<D>, Rank> ones(D& device, Shape<Rank> shape) {
    return place(device, shape, Values::constant(element_count(shape), 1));
}

}  // namespace

TEMPLATE_TEST_CASE("products over empty axes", "", Cpu, Reference) {
    Small<TestType> small;
    auto& device = small.device;
    // No inner axis: zeros, or what was there.
    const auto y = poisoned(device, Shape<2>{2, 3});
    matmul(device, ones(device, Shape<2>{2, 0}), ones(device, Shape<2>{3, 0}), y);
    CHECK(read(y).data == List(6, 0.0));
    const auto kept = ones(device, Shape<2>{2, 3});
    matmul(device, ones(device, Shape<2>{2, 0}), ones(device, Shape<2>{3, 0}), kept, Store::add);
    CHECK(read(kept).data == List(6, 1.0));
    const auto dx = poisoned(device, Shape<2>{2, 3});
    matmul_input_gradient(device, ones(device, Shape<2>{2, 0}), ones(device, Shape<2>{0, 3}), dx);
    CHECK(read(dx).data == List(6, 0.0));
    for (const Shape<2> tokens : {Shape<2>{0, 4}, Shape<2>{4, 0}, Shape<2>{0, 0}}) {
        const auto dw = ones(device, Shape<2>{2, 3});
        matmul_weight_gradient(device, ones(device, Shape<3>{tokens[0], tokens[1], 2}),
                               ones(device, Shape<3>{tokens[0], tokens[1], 3}), dw);
        CHECK(read(dw).data == List(6, 1.0));
    }
    // No rows or no columns: nothing to write.
    for (const Shape<3> shape : {Shape<3>{0, 3, 5}, Shape<3>{3, 0, 5}, Shape<3>{0, 0, 5}, Shape<3>{0, 0, 0}}) {
        const auto [n, m, k] = shape;
        const auto x = ones(device, Shape<2>{n, k}), w = ones(device, Shape<2>{m, k});
        const auto none = ones(device, Shape<2>{n, m});
        matmul(device, x, w, none);
        matmul_input_gradient(device, none, w, x, Store::add);
        matmul_weight_gradient(device, none.template reshape<3>({1, n, m}), x.template reshape<3>({1, n, k}), w);
        CHECK(read(x).data == List(static_cast<std::size_t>(n * k), 1.0));
        CHECK(read(w).data == List(static_cast<std::size_t>(m * k), 1.0));
    }
}

TEMPLATE_TEST_CASE("elementwise operations and sums of nothing", "", Cpu, Reference) {
    Small<TestType> small;
    auto& device = small.device;
    const View<Scalar<TestType>, 1> none;  // no memory at all
    fill(device, none, 1);
    copy(device, none, none);
    add(device, none, none, none);
    scale(device, none, 2);
    cast(device, none, View<double, 1>{});
    adamw(device, none, none, none, none, {});
    rmsprop(device, none, none, none, {});
    CHECK(sum(device, none) == 0);
    CHECK(sum_of_squares(device, none) == 0);
    copy_heads(device, Heads<Scalar<TestType>>{}, Heads<Scalar<TestType>>{});
}

TEMPLATE_TEST_CASE("operations on rows, without rows or without columns", "", Cpu, Reference) {
    Small<TestType> small;
    auto& device = small.device;
    const std::vector<std::int32_t> ids{0, 1, 1};
    const ConstView<std::int32_t, 1> three{ids.data(), {3}};
    const ConstView<std::int32_t, 1> no_ids;
    using T = Scalar<TestType>;

    const auto table = ones(device, Shape<2>{2, 4});
    embedding(device, table, no_ids, View<T, 2>{nullptr, {0, 4}});
    embedding_gradient(device, no_ids, ConstView<T, 2>{nullptr, {0, 4}}, table, -1);
    CHECK(read(table).data == List(8, 1.0));
    embedding(device, View<T, 2>{nullptr, {2, 0}}, three, View<T, 2>{nullptr, {3, 0}});
    embedding_gradient(device, three, ConstView<T, 2>{nullptr, {3, 0}}, View<T, 2>{nullptr, {2, 0}}, -1);

    const std::vector<Range> parts{{0, 0}, {1, 2}}, empty{{0, 0}, {2, 0}};
    const auto zeros = poisoned(device, Shape<2>{3, 4});
    spread_blocks(device, View<T, 2>{nullptr, {0, 2}}, empty, zeros);
    CHECK(read(zeros).data == List(12, 0.0));
    pick_blocks(device, zeros, empty, View<T, 2>{nullptr, {0, 2}});
    spread_blocks(device, View<T, 2>{nullptr, {2, 0}}, parts, View<T, 2>{nullptr, {3, 0}});
    pick_blocks(device, View<T, 2>{nullptr, {3, 0}}, parts, View<T, 2>{nullptr, {2, 0}});
    spread_blocks(device, View<T, 2>{nullptr, {0, 2}}, {}, View<T, 2>{nullptr, {3, 0}});

    swiglu(device, View<T, 2>{nullptr, {0, 8}}, View<T, 2>{nullptr, {0, 4}});
    swiglu(device, View<T, 2>{nullptr, {3, 0}}, View<T, 2>{nullptr, {3, 0}});
    swiglu_gradient(device, View<T, 2>{nullptr, {3, 0}}, View<T, 2>{nullptr, {3, 0}}, View<T, 2>{nullptr, {3, 0}});

    cross_entropy(device, View<T, 2>{nullptr, {0, 5}}, no_ids, View<T, 1>{});
    cross_entropy_gradient(device, View<T, 2>{nullptr, {0, 5}}, no_ids, View<T, 1>{}, 1);

    const auto gain = ones(device, Shape<1>{4}), dgain = ones(device, Shape<1>{4});
    rms_norm(device, View<T, 2>{nullptr, {0, 4}}, gain, 1e-6, View<T, 2>{nullptr, {0, 4}}, View<T, 1>{});
    for (const Shape<3> shape : {Shape<3>{0, 2, 4}, Shape<3>{2, 0, 4}}) {
        const View<T, 3> none{nullptr, shape};
        rms_norm_gradient(device, none, gain, View<T, 1>{}, none, none, dgain);
    }
    CHECK(read(dgain).data == List(4, 1.0));
}

TEMPLATE_TEST_CASE("attention and rotary over empty axes", "", Cpu, Reference) {
    Small<TestType> small;
    auto& device = small.device;
    // [B, T, H, D], the last with positions but without channels: every score is 0.
    for (const Shape<4> shape : {Shape<4>{0, 3, 2, 4}, Shape<4>{2, 0, 2, 4}, Shape<4>{1, 3, 2, 0}}) {
        const auto [batch, time, heads, size] = shape;
        const auto buffer = ones(device, Shape<3>{batch, time, heads * size});
        const auto x = heads_of(buffer, 0, heads, size);
        const auto log_sum = poisoned(device, Shape<3>{batch, heads, time});
        rotary(device, x, 0, {.size = size});
        rotary(device, x, 0, {.size = 0});
        const auto out = heads_of(poisoned(device, buffer.shape), 0, heads, size);
        attention(device, x, x, x, {}, out, log_sum);
        attention_gradient(device, x, x, x, {}, out, log_sum, x, out, out, out);
        for (Index i = 0; i < log_sum.size(); ++i) {
            CHECK(log_sum[i] == Approx(std::log(static_cast<double>(i % time + 1))).margin(1e-7));
        }
    }
    // No new query over a past, as in a step of generation that has nothing to do.
    const auto past = heads_of(ones(device, Shape<3>{1, 5, 8}), 0, 2, 4);
    attention(device, past.first(0), past, past, {}, past.first(0), poisoned(device, Shape<3>{1, 2, 0}));
}
