// Norms on a GPU or its stand-in against the Reference in double.

#include "support.hpp"

#include <lapidary/cuda/layer_norm.cuh>
#include <lapidary/cuda/rms_norm.cuh>

using namespace lapidary;
using namespace lapidary::test;

namespace {

struct NormCase {
    Index batch, time, width;
    bool bias;
};

/// Widths of a warp and of a block per row, that do not fill either, odd ones, and ones that registers do not
/// hold; times around a chunk of rows and a block of tokens.
NormCase norm_case() {
    return GENERATE(NormCase{2, 5, 1, true}, NormCase{2, 5, 3, false}, NormCase{3, 16, 16, true},
                    NormCase{1, 17, 80, false}, NormCase{2, 2, 385, true}, NormCase{1, 3, 520, true},
                    NormCase{1, 18, 1032, true}, NormCase{1, 2, 4104, false}, NormCase{1, 1, 8200, true},
                    NormCase{1, 1, 16392, false}, NormCase{2, 261, 3, true}, NormCase{1, 259, 16, true});
}

/// One number alone is divided by itself: nearly nothing is left of its gradient, unless by a large epsilon.
double epsilon_of(Index width) { return width == 1 ? 1.0 : 1e-6; }

/// Values with a mean that is not zero, which a variance must not suffer from.
template <class T>
Values offset(Values values) {
    for (double& value : values.data) value = static_cast<double>(static_cast<T>(2 + 3 * value));
    return values;
}

}  // namespace

TEMPLATE_TEST_CASE("rms norm on a GPU", "", float, bf16) {
    const auto [batch, time, width, unused] = norm_case();
    INFO(batch << " x " << time << " x " << width);
    const Shape<3> shape{batch, time, width};
    compare_gpu<TestType>([&](auto& device, auto normal) {
        const auto x = place(device, shape, normal(element_count(shape), 1));
        const auto gain = place(device, Shape<1>{shape[2]}, normal(shape[2], 2));
        const auto dy = place(device, shape, normal(element_count(shape), 3));
        const auto dx = place(device, shape, normal(element_count(shape), 4));
        const auto dgain = place_accumulators(device, Shape<1>{shape[2]}, normal(shape[2], 5));
        const auto y = poisoned(device, shape);
        const auto inverse_rms = poisoned_accumulators(device, Shape<1>{shape[0] * shape[1]});
        rms_norm(device, x.rows(), gain, epsilon_of(shape[2]), y.rows(), inverse_rms);
        rms_norm_gradient(device, x, gain, inverse_rms, dy, dx, dgain);
        return std::vector{read(y), read(inverse_rms), read(dx), read(dgain)};
    });
}

TEMPLATE_TEST_CASE("layer norm on a GPU", "", float, bf16) {
    const auto [batch, time, width, with_bias] = norm_case();
    INFO(batch << " x " << time << " x " << width << (with_bias ? " with a bias" : ""));
    const Shape<3> shape{batch, time, width};
    const Shape<1> bias_shape{with_bias ? width : 0}, row_shape{batch * time};
    compare_gpu<TestType>([&](auto& device, auto normal) {
        const auto x = place(device, shape, offset<TestType>(normal(element_count(shape), 1)));
        const auto gain = place(device, Shape<1>{shape[2]}, normal(shape[2], 2));
        const auto bias = place(device, bias_shape, normal(bias_shape[0], 3));
        const auto dy = place(device, shape, normal(element_count(shape), 4));
        const auto dx = place(device, shape, normal(element_count(shape), 5));
        const auto dgain = place_accumulators(device, Shape<1>{shape[2]}, normal(shape[2], 6));
        const auto dbias = place_accumulators(device, bias_shape, normal(bias_shape[0], 7));
        const auto y = poisoned(device, shape);
        using D = std::remove_reference_t<decltype(device)>;
        const RowStatistics<Accumulator<D>> rows{poisoned_accumulators(device, row_shape),
                                                 poisoned_accumulators(device, row_shape)};
        layer_norm(device, x.rows(), gain, bias, 1e-5, y.rows(), rows);
        std::vector results{read(y), read(rows.mean), read(rows.inverse_deviation)};
        layer_norm_gradient(device, x, gain, rows, dy, dx, dgain, dbias);
        results.insert(results.end(), {read(dx), read(dgain), read(dbias)});
        return results;
    });
}

TEST_CASE("norms on a GPU do not depend on how many sequences a batch holds") {
    const Index batch = 2, time = 273, width = 24;
    const Shape<3> shape{batch, time, width};
    auto&& gpu = fresh_gpu<float>();
    const auto x = place(gpu, shape, Values::normal(element_count(shape), 1));
    const auto dy = place(gpu, shape, Values::normal(element_count(shape), 2));
    const auto gain = place(gpu, Shape<1>{width}, Values::normal(width, 3));
    const auto rows = place(gpu, Shape<1>{batch * time}, Values::constant(batch * time, 0.7));
    const auto dx = place(gpu, shape, Values::constant(element_count(shape), 0.5));
    const auto other_dx = place(gpu, shape, Values::constant(element_count(shape), 0.5));
    const auto whole = place(gpu, Shape<1>{width}, Values::normal(width, 4));
    const auto parts = place(gpu, Shape<1>{width}, Values::normal(width, 4));
    rms_norm_gradient(gpu, x, gain, rows, dy, dx, whole);
    for (Index b = 0; b < batch; ++b)
        rms_norm_gradient(gpu, x.slice(b, 1), gain, rows.slice(b * time, time), dy.slice(b, 1),
                          other_dx.slice(b, 1), parts);
    CHECK(read(whole).data == read(parts).data);
    CHECK(read(dx).data == read(other_dx).data);
}

TEMPLATE_TEST_CASE("norms of nothing on a GPU", "", float, bf16) {
    const Shape<3> shape = GENERATE(Shape<3>{0, 4, 16}, Shape<3>{2, 0, 16}, Shape<3>{2, 3, 0});
    auto&& gpu = fresh_gpu<TestType>();
    const auto x = poisoned(gpu, shape);
    const auto gain = poisoned(gpu, Shape<1>{shape[2]});
    const Index rows = shape[0] * shape[1];
    const auto statistic = place_accumulators(gpu, Shape<1>{rows}, Values::constant(rows, 1));
    const auto dgain = place_accumulators(gpu, Shape<1>{shape[2]}, Values::constant(shape[2], 3));
    rms_norm_gradient(gpu, x, gain, statistic, x, x, dgain);
    layer_norm_gradient(gpu, x, gain, {statistic, statistic}, x, x, dgain, dgain);
    CHECK(read(dgain).data == Values::constant(shape[2], 3).data);
    rms_norm(gpu, x.rows(), gain, 1e-6, x.rows(), statistic);
    layer_norm(gpu, x.rows(), gain, gain, 1e-6, x.rows(), {statistic, statistic});
    for (const double value : read(statistic).data) CHECK(std::isnan(value));
}
