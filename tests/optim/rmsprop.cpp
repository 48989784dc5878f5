// RMSprop over a layout: rules, ranges, threads, and what it refuses.

#include "catch.hpp"
#include "support/arrays.hpp"

#include <lapidary/cpu.hpp>
#include <lapidary/optim/rmsprop.hpp>
#include <lapidary/reference.hpp>

#include <cmath>

using namespace lapidary;
using namespace lapidary::test;

namespace {

ParameterLayout some_leaves() {
    ParameterLayout layout;
    layout.add("matrix", Shape<2>{7, 33}, Role::matrix, Initializer::constant(0));
    layout.add("bias", Shape<1>{19}, Role::bias, Initializer::constant(0));
    layout.add("norm", Shape<1>{5}, Role::norm, Initializer::constant(0));
    layout.add("other", Shape<2>{3, 70}, Role::matrix, Initializer::constant(0));
    return layout;
}

struct State {
    std::vector<float> weights, v;
};

/// Three steps, each of which updates the ranges that begin at `cuts`, one after the other.
State steps(const RmsProp& optimizer, const ParameterLayout& layout, std::vector<Index> cuts, int threads = 1) {
    Cpu device({.threads = threads});
    const Index size = layout.size();
    const auto w = place(device, Shape<1>{size}, Values::normal(size, 1));
    const auto v = place(device, Shape<1>{size}, Values::constant(size, 0));
    cuts.push_back(size);
    for (Index step = 0; step < 3; ++step) {
        const auto g = place(device, Shape<1>{size}, Values::normal(size, 10 + static_cast<std::uint64_t>(step)));
        for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
            const Range range{cuts[i], cuts[i + 1] - cuts[i]};
            const auto part = [&](auto view) { return view.slice(range.first, range.count); };
            optimizer.update(device, layout, range, part(w), part(g), {}, part(v), step, 1e-2, 0.5);
        }
    }
    return {{w.begin(), w.end()}, {v.begin(), v.end()}};
}

const RmsProp with_rules{.decay = 0.9, .weight_decay = 0.2, .rules = mup_rules(0.25)};

}  // namespace

TEST_CASE("RMSprop follows the rules of leaves: their rate, and whether they decay") {
    const ParameterLayout layout = some_leaves();
    Reference device;
    const Index size = layout.size();
    const Values start = Values::normal(size, 1), gradient = Values::normal(size, 2);
    const auto w = place(device, Shape<1>{size}, start);
    const auto v = place(device, Shape<1>{size}, Values::constant(size, 0.5));
    with_rules.update(device, layout, w, place(device, Shape<1>{size}, gradient), {}, v, 0, 1e-2, 0.5);
    for (const Leaf& leaf : layout.leaves()) {
        const double rate = leaf.role == Role::matrix ? 0.25e-2 : 1e-2,
                     decay = leaf.role == Role::matrix ? 0.2 : 0;
        INFO(leaf.name);
        for (Index i = leaf.offset; i < leaf.offset + element_count(leaf.shape); ++i) {
            const double was = start.data[static_cast<std::size_t>(i)];
            const double g = 0.5 * gradient.data[static_cast<std::size_t>(i)] + decay * was;
            REQUIRE(v[i] == Approx(0.9 * 0.5 + 0.1 * g * g).epsilon(1e-12));
            REQUIRE(w[i] == Approx(was - rate * g / (std::sqrt(v[i]) + 1e-8)).epsilon(1e-12));
        }
    }
}

TEST_CASE("RMSprop's bits depend neither on threads nor on how a layout is cut into ranges") {
    const ParameterLayout layout = some_leaves();
    const State whole = steps(with_rules, layout, {0});
    const auto check = [&](const State& other) {
        CHECK(other.weights == whole.weights);
        CHECK(other.v == whole.v);
    };
    check(steps(with_rules, layout, {0, 1, 100, 231, 240, 300, 301}));
    ParameterLayout large;
    large.add("large", Shape<1>{300001}, Role::matrix, Initializer::constant(0));
    const State one = steps({}, large, {0});
    for (const int threads : {2, 4}) {
        const State more = steps({}, large, {0}, threads);
        CHECK(more.weights == one.weights);
        CHECK(more.v == one.v);
    }
}

TEST_CASE("RMSprop does not look at a first moment") {
    const ParameterLayout layout = some_leaves();
    Cpu device({.threads = 1});
    const Shape<1> shape{layout.size()};
    const auto run = [&](auto m) {
        const auto w = place(device, shape, Values::normal(shape[0], 1));
        const auto v = place(device, shape, Values::constant(shape[0], 0));
        RmsProp{}.update(device, layout, w, place(device, shape, Values::normal(shape[0], 2)), m, v, 0, 1e-2, 1);
        return std::vector{read(w), read(v)};
    };
    const auto m = poisoned(device, shape);
    const auto without = run(MomentView<float>{}), with = run(MomentView<float>(m));
    for (std::size_t i = 0; i < without.size(); ++i) CHECK(with[i].data == without[i].data);
    for (const double value : read(m).data) REQUIRE(std::isnan(value));
}

TEST_CASE("RMSprop refuses vectors of other sizes, and a moment in bf16") {
    const ParameterLayout layout = some_leaves();
    Cpu device({.threads = 1});
    const Index size = layout.size();
    const auto all = scratch(device, Shape<1>{size}), few = scratch(device, Shape<1>{size - 1});
    const auto refused = [&](auto w, auto g, MomentView<float> v, const std::string& text) {
        CHECK_THROWS_WITH(RmsProp{}.update(device, layout, w, g, {}, v, 0, 1e-2, 1), ContainsSubstring(text));
    };
    refused(few, all, all, "rmsprop");
    refused(all, few, all, "gradients have " + std::to_string(size - 1) + " elements for " + std::to_string(size));
    refused(all, all, View<float, 1>(few), "second moments have");
    refused(all, all, MomentView<float>{}, "second moments have 0 elements");
    refused(all, all, device.scratch().allocate<bf16, 1>({size}), "make the state with Moments::second");
}
