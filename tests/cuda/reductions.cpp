// Biases, sums over tokens and sums of everything on a GPU or its stand-in.

#include "support.hpp"

#include <lapidary/cpu/digest.hpp>
#include <lapidary/cuda/bias.cuh>
#include <lapidary/cuda/digest.cuh>
#include <lapidary/cuda/reduce.cuh>

using namespace lapidary;
using namespace lapidary::test;

TEMPLATE_TEST_CASE("biases on a GPU", "", float, bf16) {
    struct Extents {
        Index batch, time, width;
    };
    const auto [batch, time, width] =
        GENERATE(Extents{2, 5, 1}, Extents{1, 3, 8}, Extents{3, 63, 33}, Extents{2, 65, 48}, Extents{1, 258, 1040},
                 Extents{2, 530, 24}, Extents{1, 2, 2056}, Extents{1, 9, 517}, Extents{40, 1, 16});
    INFO(batch << " x " << time << " x " << width);
    const Shape<3> shape{batch, time, width};
    compare_gpu<TestType>([&](auto& device, auto normal) {
        const auto y = place(device, shape, normal(element_count(shape), 1));
        const auto bias = place(device, Shape<1>{shape[2]}, normal(shape[2], 2));
        const auto dbias = place_accumulators(device, Shape<1>{shape[2]}, normal(shape[2], 3));
        bias_gradient(device, y, dbias);
        add_bias(device, bias, y.rows());
        return std::vector{read(y), read(dbias)};
    });
}

TEST_CASE("a bias' gradient on a GPU does not depend on how many sequences a batch holds") {
    const Shape<3> shape{3, 333, 9};
    auto&& gpu = fresh_gpu<float>();
    const auto dy = place(gpu, shape, Values::normal(element_count(shape), 1));
    const auto whole = place(gpu, Shape<1>{9}, Values::normal(9, 2));
    const auto parts = place(gpu, Shape<1>{9}, Values::normal(9, 2));
    bias_gradient(gpu, dy, whole);
    for (Index b = 0; b < shape[0]; ++b) bias_gradient(gpu, dy.slice(b, 1), parts);
    CHECK(read(whole).data == read(parts).data);
}

TEMPLATE_TEST_CASE("biases of nothing on a GPU", "", float, bf16) {
    const Shape<3> shape = GENERATE(Shape<3>{0, 4, 16}, Shape<3>{2, 0, 16}, Shape<3>{2, 3, 0});
    auto&& gpu = fresh_gpu<TestType>();
    const auto y = poisoned(gpu, shape);
    const auto dbias = place_accumulators(gpu, Shape<1>{shape[2]}, Values::constant(shape[2], 3));
    bias_gradient(gpu, y, dbias);
    add_bias(gpu, poisoned(gpu, Shape<1>{shape[2]}), y.rows());
    CHECK(read(dbias).data == Values::constant(shape[2], 3).data);
}

TEMPLATE_TEST_CASE("sums on a GPU", "", float, bf16) {
    const Index size = GENERATE(0, 1, 3, 1030, 16383, 16384, 16385, 3 * 16384 + 6);
    const Index shift = GENERATE(0, 1);  // elements by which the vector misses an aligned address
    INFO(size << " elements, " << shift << " off");
    const Values values = Values::normal(size + shift, 1);
    Reference reference;
    const auto exact = place(reference, Shape<1>{size + shift}, values).slice(shift, size);
    double magnitude = 0;
    for (const double each : exact) magnitude += std::abs(each);
    const double total = sum(reference, exact);
    const std::vector<double> squares = squares_by_block(reference, exact);
    const Values floats = read(exact);
    run_on_gpu<TestType>([&](auto& gpu) {
        const auto x = place_accumulators(gpu, Shape<1>{size + shift}, values).slice(shift, size);
        CHECK(std::abs(sum(gpu, x) - total) <= 1e-13 * magnitude);
        const std::vector<double> blocks = squares_by_block(gpu, x);
        REQUIRE(blocks.size() == squares.size());
        for (std::size_t i = 0; i < blocks.size(); ++i) CHECK(blocks[i] == Approx(squares[i]).epsilon(1e-13));

        const auto aligned = place_accumulators(gpu, Shape<1>{size}, floats);
        CHECK(sum(gpu, aligned) == sum(gpu, x));
        CHECK(squares_by_block(gpu, aligned) == blocks);
        return std::vector{Values{{sum(gpu, x)}}, Values{blocks}};
    });
}

TEMPLATE_TEST_CASE("digests on a GPU are those of the CPU", "", float, bf16) {
    const Index size = GENERATE(0, 1, 1023, 1025, 16384, 3 * 16384 + 6);
    const Index first = GENERATE(0, 32, 16384 - 5);
    INFO(size << " elements from " << first);
    const std::vector<Index> starts{0, 0, 70, 1024, 1024, 16384, 16384, 16416, 32768, 32800, 40000, 1 << 30};
    std::vector<float> floats;
    for (const double value : Values::normal(size, 1).data) floats.push_back(static_cast<float>(value));
    Cpu cpu({.threads = 1});
    const auto exact = digests(cpu, ConstView<float, 1>{floats.data(), {size}}, first, starts);
    auto&& gpu = fresh_gpu<TestType>();
    const auto x = accumulator_scratch(gpu, Shape<1>{size});
    gpu.upload(floats.data(), x.data, floats.size() * sizeof(float));
    using G = std::remove_reference_t<decltype(gpu)>;
    CHECK(digests(gpu, ConstView<float, 1>(x), first, starts) == exact);
    CHECK(moment_digests<G>(gpu, ConstView<float, 1>(x), first, starts) == exact);

    const MasterWeights<Scalar<G>> weights{
        scratch(gpu, Shape<1>{size}),
        gpu.scratch().template allocate<std::int16_t, 1>({has_remainders<G> ? size : 0})};
    upload_weights(gpu, floats.data(), weights);
    CHECK(weight_digests<G>(gpu, {weights.weights, weights.remainders}, first, starts) == exact);

    if constexpr (has_remainders<G>) {  // bf16 counts as the number that its bits are
        std::vector<bf16> narrow;
        for (const float value : floats) narrow.push_back(MasterWeight(value).weight);
        std::vector<std::uint64_t> sums(starts.size());
        for (Index i = 0; i < size; ++i) {
            const auto p = static_cast<std::uint64_t>(first + i);
            const auto run = std::upper_bound(starts.begin(), starts.end(), first + i) - starts.begin() - 1;
            sums[static_cast<std::size_t>(run)] += std::uint64_t{narrow[static_cast<std::size_t>(i)].bits} *
                                                   element_key(p % digest_block) * digest_key(p / digest_block);
        }
        CHECK(moment_digests<G>(gpu, ConstView<bf16, 1>(weights.weights), first, starts) == sums);
    }
}

TEST_CASE("what is not a number stays in its block of a GPU's squares") {
    auto&& gpu = fresh_gpu<float>();
    Values values = Values::constant(2 * reduction_block + 5, 1);
    values.data[reduction_block + 70] = std::numeric_limits<double>::quiet_NaN();
    values.data[2 * reduction_block + 4] = std::numeric_limits<double>::infinity();
    const auto x = place(gpu, Shape<1>{2 * reduction_block + 5}, values);
    const std::vector<double> sums = squares_by_block(gpu, x);
    CHECK(sums[0] == static_cast<double>(reduction_block));
    CHECK(std::isnan(sums[1]));
    CHECK(std::isinf(sums[2]));
    CHECK(std::isnan(sum(gpu, x)));
}
