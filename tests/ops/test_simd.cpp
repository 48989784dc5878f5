#include "catch.hpp"

#include <lapidary/cpu/exp.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using namespace lapidary;

namespace {

float exp_of(float x) { return simd::exp(simd::broadcast(x))[0]; }

}  // namespace

TEST_CASE("exp is within one and a half units in the last place") {
    double worst = 0;
    for (int i = 0; i < 350000; ++i) {
        const float x = -87.0F + static_cast<float>(i) * 5e-4F;
        const double exact = std::exp(static_cast<double>(x));
        const double unit =
            static_cast<double>(std::nextafter(static_cast<float>(exact), INFINITY)) - static_cast<float>(exact);
        worst = std::max(worst, std::abs(exp_of(x) - exact) / unit);
    }
    CHECK(worst < 1.5);
}

TEST_CASE("exp at the ends") {
    CHECK(exp_of(0) == 1.0F);
    CHECK(exp_of(-INFINITY) == 0.0F);
    CHECK(exp_of(-1e30F) == 0.0F);
    CHECK(exp_of(1e30F) == exp_of(88.0F));
    CHECK(exp_of(INFINITY) == exp_of(88.0F));
    CHECK(exp_of(-std::numeric_limits<float>::max()) == 0.0F);
    CHECK(exp_of(std::numeric_limits<float>::denorm_min()) == 1.0F);
}

TEST_CASE("exp keeps every kind of NaN") {
    for (std::uint32_t payload = 1; payload < 0x800000; payload = payload * 3 + 1) {
        for (const std::uint32_t sign : {0U, 0x80000000U}) {
            CHECK(std::isnan(exp_of(std::bit_cast<float>(sign | 0x7f800000U | payload))));
        }
    }
}

TEST_CASE("lanes are independent: one NaN or infinity leaves the others as they are") {
    alignas(64) float in[16], out[16];
    for (int i = 0; i < 16; ++i) in[i] = static_cast<float>(i) - 8.0F;
    in[3] = NAN;
    in[9] = -INFINITY;
    in[15] = INFINITY;
    simd::store16(out, simd::exp(simd::load16(in)));
    for (int i = 0; i < 16; ++i) {
        INFO("lane " << i);
        if (i == 3) {
            CHECK(std::isnan(out[i]));
        } else if (i == 15) {
            CHECK(out[i] == exp_of(88.0F));
        } else {
            CHECK(out[i] == Approx(std::exp(in[i])).epsilon(1e-6));
        }
    }
}

TEST_CASE("the logarithm of a sum of exponentials: far from zero, with NaN, of nothing") {
    const auto of = [](std::vector<float> row) {
        return simd::log_sum_exp(row.data(), static_cast<Index>(row.size()));
    };
    CHECK(of({1000.0F, 1000.0F}) == Approx(1000 + std::log(2.0)));
    CHECK(of(std::vector<float>(17, -1e4F)) == Approx(-1e4 + std::log(17.0)));
    CHECK(std::isnan(of({0.0F, NAN, 1.0F})));
    CHECK(of({}) == -INFINITY);
}

TEST_CASE("partial loads and stores keep to their elements") {
    std::vector<float> data(40, 7.0F);
    for (Index count = 1; count <= 16; ++count) {
        const simd::Lanes lanes = simd::load16(data.data(), count);
        CHECK(simd::sum(lanes) == 7.0F * static_cast<float>(count));
        std::vector<float> target(16, -1.0F);
        simd::store16(target.data(), lanes, count);
        for (Index i = 0; i < 16; ++i) CHECK(target[static_cast<std::size_t>(i)] == (i < count ? 7.0F : -1.0F));
    }
}
