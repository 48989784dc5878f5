#include "catch.hpp"

#include <lapidary/optim/learning_rate.hpp>

#include <limits>

using namespace lapidary;

TEST_CASE("a constant rate warms up from its first step on, and stays") {
    const ConstantSchedule rate{.peak = 3e-6, .warmup_steps = 149};
    CHECK(rate(0) == Approx(3e-6 / 150).epsilon(1e-15));
    CHECK(rate(74) == Approx(1.5e-6).epsilon(1e-15));
    CHECK(rate(148) < 3e-6);
    CHECK(rate(149) == 3e-6);
    CHECK(rate(1000000) == 3e-6);
    CHECK(ConstantSchedule{.peak = 0.25, .warmup_steps = 0}(0) == 0.25);
}

TEST_CASE("a run's rate is that of its schedule") {
    const LearningRate cosine{Decay::cosine, 1e-2, 1e-3, 3, 10}, linear{Decay::linear, 1e-2, 1e-3, 3, 10},
        constant{Decay::constant, 1e-2, 1e-3, 3, 10};
    for (Index step = 0; step < 12; ++step) {
        CHECK(cosine(step) == CosineSchedule{1e-2, 1e-3, 3, 10}(step));
        CHECK(linear(step) == LinearSchedule{1e-2, 1e-3, 3, 7}(step));
        CHECK(constant(step) == ConstantSchedule{1e-2, 3}(step));
    }
}

TEST_CASE("a rate that would rise, or never reach its highest, is refused") {
    CHECK_NOTHROW(LearningRate{Decay::cosine, 1e-2, 1e-2, 9, 10}.check());
    CHECK_NOTHROW(LearningRate{Decay::linear, 0, 0, 0, 1}.check());
    CHECK_NOTHROW(LearningRate{Decay::constant, 1e-7, 1, 150, 10}.check());
    CHECK_THROWS_WITH((LearningRate{Decay::linear, 2e-7, 3e-7, 0, 10}.check()),
                      ContainsSubstring("the last rate is 3e-07, not between 0 and the highest, 2e-07"));
    CHECK_THROWS_WITH((LearningRate{Decay::cosine, 1, 0, 10, 10}.check()),
                      ContainsSubstring("a warm-up of 10 steps takes all 10"));
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_WITH((LearningRate{Decay::constant, nan, 0, 0, 10}.check()),
                      ContainsSubstring("the highest rate is"));
    CHECK_THROWS_WITH((LearningRate{Decay::cosine, 1, nan, 0, 10}.check()), ContainsSubstring("the last rate is"));
    CHECK_THROWS_WITH((LearningRate{Decay::constant, 1, 0, -1, 10}.check()),
                      ContainsSubstring("a warm-up of -1 steps"));
}

TEST_CASE("a rate in a manifest reads as it was written") {
    for (const Decay decay : {Decay::cosine, Decay::linear, Decay::constant}) {
        const LearningRate rate{decay, 1e-2, 1e-3, 3, 10};
        const LearningRate again = learning_rate(to_json(rate), 10, "manifest.json");
        CHECK(again.decay == decay);
        for (Index step = 0; step < 12; ++step) CHECK(again(step) == rate(step));
        CHECK(decay_named(name_of(decay)) == decay);
    }
    CHECK(to_json(LearningRate{Decay::linear, 0.5, 0.25, 3, 10}).dump() ==
          R"({"schedule":"linear","peak":0.5,"floor":0.25,"warmup_steps":3})");
    CHECK(to_json(LearningRate{Decay::constant, 0.5, 0.25, 3, 10}).dump() ==
          R"({"schedule":"constant","peak":0.5,"warmup_steps":3})");
    CHECK_FALSE(decay_named("square"));
    CHECK_THROWS_WITH(learning_rate({{"schedule", "square"}, {"peak", 0.5}, {"warmup_steps", 3}}, 10, "there"),
                      ContainsSubstring("there: there is no schedule 'square'"));
    CHECK_THROWS_WITH(learning_rate({{"schedule", "cosine"}, {"peak", 0.5}, {"warmup_steps", 3}}, 10, "there"),
                      ContainsSubstring("'floor'"));
}
