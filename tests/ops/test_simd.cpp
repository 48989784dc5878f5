#include "catch.hpp"

#include <lapidary/cpu/simd.hpp>

#include <limits>

using namespace lapidary;

namespace {

float exp_of(float x) { return simd::exp(simd::broadcast(x))[0]; }

}  // namespace

TEST_CASE("exp is within one and a half units in the last place") {
    double worst = 0;
    for (int i = 0; i < 350000; ++i) {
        const float x = -87.0F + static_cast<float>(i) * 5e-4F;
        const double exact = std::exp(static_cast<double>(x));
        const double unit = static_cast<double>(std::nextafter(static_cast<float>(exact), INFINITY)) - static_cast<float>(exact);
        worst = std::max(worst, std::abs(exp_of(x) - exact) / unit);
    }
    CHECK(worst < 1.5);
}

TEST_CASE("exp at the ends") {
    CHECK(exp_of(0) == 1.0F);
    CHECK(exp_of(-INFINITY) == 0.0F);
    CHECK(exp_of(-1e30F) == 0.0F);
    CHECK(exp_of(1e30F) == exp_of(88.0F));
    CHECK(std::isnan(exp_of(NAN)));
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
