#include "catch.hpp"

#include <lapidary/train/step_guard.hpp>

#include <limits>

using namespace lapidary;

namespace {

StepRecord record(double loss, double norm) {
    StepRecord result;
    result.loss = loss;
    result.gradient_norm = norm;
    return result;
}

/// Has seen `steps` losses of 2 and 3 in turns, norms of 1.
StepGuard seen(double deviations, int steps) {
    StepGuard guard(deviations);
    for (int i = 0; i < steps; ++i) guard.observe(2 + i % 2, 1);
    return guard;
}

}  // namespace

TEST_CASE("what is not finite is a fault, always", "[guard]") {
    const double nan = std::numeric_limits<double>::quiet_NaN(),
                 infinity = std::numeric_limits<double>::infinity();
    const StepGuard guard;
    CHECK(guard.fault(record(1e30, 1e30)).empty());
    CHECK(guard.fault(record(nan, 1)) == "the loss is not finite");
    CHECK(guard.fault(record(infinity, 1)) == "the loss is not finite");
    CHECK(guard.fault(record(1, nan)) == "the gradient is not finite");
}

TEST_CASE("a leap is a fault when enough steps were seen, and only upwards", "[guard]") {
    // The mean is 2.5 and the deviation 0.5.
    CHECK(seen(4, 127).fault(record(100, 1)).empty());
    const StepGuard guard = seen(4, 128);
    CHECK(guard.fault(record(4.4, 1)).empty());
    CHECK(guard.fault(record(4.6, 1)) ==
          "the loss 4.6 is 4.2 standard deviations above the mean 2.5 of 128 steps");
    CHECK(guard.fault(record(-100, 1)).empty());
    CHECK_THAT(guard.fault(record(2.5, 1.5)), ContainsSubstring("the gradient norm 1.5"));
    CHECK(seen(0, 128).fault(record(1e30, 1)).empty());
}

TEST_CASE("only the last steps count", "[guard]") {
    StepGuard guard = seen(4, 128);
    for (int i = 0; i < 128; ++i) guard.observe(9 + 0.1 * (i % 2), 1);
    CHECK(guard.fault(record(9.1, 1)).empty());
    CHECK_FALSE(guard.fault(record(9.4, 1)).empty());
}
