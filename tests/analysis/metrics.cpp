#include "analysis/report_support.hpp"

#include <lapidary/analysis/training_section.hpp>

#include <cmath>
#include <vector>

using namespace lapidary;
using namespace lapidary::test;

TEST_CASE("a log is read by steps; a half last line is left out, a rewind drops what it wrote again") {
    const TemporaryDirectory folder;
    const auto file = folder / "metrics.jsonl";
    put(file, step_line(0) + step_line(1, "null") + "{\"step\":1,\"validation_loss\":3.0}\n" + step_line(2, "9") +
                  "{\"step\":2,\"validation_loss\":8.0}\n" + step_line(2, "4") + "{\"step\":2,\"else\":true}\n" +
                  R"({"step":3,"tokens":1)");
    const RunMetrics metrics = read_metrics(file);
    REQUIRE(metrics.steps.size() == 3);
    CHECK(metrics.cut);
    CHECK(std::isnan(metrics.steps[1].loss));
    CHECK(metrics.steps[2].loss == 4);
    CHECK(metrics.steps[2].tokens_per_second() == 20);
    REQUIRE(metrics.validation.size() == 1);
    CHECK(metrics.validation[0].updates == 2);
    put(file, "");
    CHECK(read_metrics(file).steps.empty());
}

TEST_CASE("a damaged line of a log is named by file and line") {
    const TemporaryDirectory folder;
    const auto file = folder / "metrics.jsonl";
    put(file, step_line(0) + "{\"step\":1,\"lo}\n" + step_line(2));
    check_throws(
        ErrorCode::format, [&] { (void)read_metrics(file); }, "metrics.jsonl:2");
    for (const char* step : {"-9223372036854775808", "9223372036854775807"}) {
        put(file, step_line(0) + "{\"step\":" + step + ",\"validation_loss\":1}\n");
        check_throws(
            ErrorCode::format, [&] { (void)read_metrics(file); }, "metrics.jsonl:2", step);
    }
    put(file, step_line(0) + step_line(1) + "[3]\n");
    check_throws(
        ErrorCode::format, [&] { (void)read_metrics(file); }, "metrics.jsonl:3");
    put(file, step_line(0) + "{\"step\":1,\"loss\":\"low\"}\n");
    check_throws(
        ErrorCode::format, [&] { (void)read_metrics(file); }, "metrics.jsonl:2", "tokens");
    put(file, "{\"loss\":1.0}\n");
    check_throws(
        ErrorCode::format, [&] { (void)read_metrics(file); }, "metrics.jsonl:1", "step");
    check_throws(
        ErrorCode::io, [&] { (void)read_metrics(folder / "none.jsonl"); }, "none.jsonl");
}

TEST_CASE("buckets cover all steps, as narrow as the number of points allows") {
    const auto check = [](Index first, Index last, Index most, Index width, Index count) {
        const auto buckets = StepBuckets::covering(first, last, most);
        CHECK(buckets.width == width);
        CHECK(buckets.count == count);
        CHECK(buckets.of(first) == 0);
        CHECK(buckets.of(last) == static_cast<std::size_t>(count - 1));
    };
    check(0, 0, 10, 1, 1);
    check(0, 9, 10, 1, 10);
    check(0, 10, 10, 2, 6);
    check(7, 106, 10, 10, 10);
    check(0, 999999, 2000, 500, 2000);
}

TEST_CASE("thinning keeps means and every extreme, passes over what is not finite, and leaves gaps") {
    std::vector<StepRecord> records(8);
    const double losses[] = {1, 3, NAN, NAN, 5, 50, 7, INFINITY};
    for (std::size_t i = 0; i < 8; ++i) {
        records[i].step = static_cast<Index>(i);
        records[i].loss = losses[i];
    }
    const auto thinned = thin(StepBuckets{0, 2, 4}, records, [](const StepRecord& one) { return one.loss; });
    CHECK(thinned.mean[0] == 2);
    CHECK(thinned.low[0] == 1);
    CHECK(thinned.high[0] == 3);
    CHECK(std::isnan(thinned.mean[1]));
    CHECK(std::isnan(thinned.low[1]));
    CHECK(thinned.high[2] == 50);
    CHECK(thinned.mean[3] == 7);
}

TEST_CASE("the section of training: a million steps stay small, few are all there") {
    RunMetrics metrics;
    for (Index step = 0; step < 1000000; ++step) {
        metrics.steps.push_back({.step = step,
                                 .tokens = 1000,
                                 .loss = 2.0 + static_cast<double>(step * 7919 % 1000) / 999.0,
                                 .learning_rate = 3e-4 / 7,
                                 .gradient_norm = 1.0 / 3,
                                 .seconds = 0.1});
    }
    metrics.steps[777777].loss = 99;
    const Json section = training_section(metrics, 2000);
    CHECK(section["width"] == 500);
    CHECK(section["loss"]["mean"].size() == 2000);
    CHECK(section["loss"]["high"][777777 / 500] == 99);
    CHECK(section["tokens"].back() == 1000000000);
    CHECK(section["seconds"].back().get<double>() == Approx(1e5));
    CHECK(section.dump().size() < 300000);
    CHECK(training_section(metrics, 2000) == section);

    metrics.steps.resize(3);
    const Json few = training_section(metrics);
    CHECK(few["width"] == 1);
    CHECK(few["loss"]["mean"].size() == 3);
    CHECK_FALSE(few["loss"].contains("low"));
    CHECK(few["validation"].empty());
    CHECK(training_section({}).contains("missing"));
    check_throws(
        ErrorCode::value, [&] { (void)training_section(metrics, 1); }, "1 points");
}

TEST_CASE("steps that a log lacks leave the sums of tokens and time as they are") {
    RunMetrics metrics;
    metrics.steps = {{.step = 0, .tokens = 5, .seconds = 1}, {.step = 3, .tokens = 5, .seconds = 2}};
    const Json section = training_section(metrics);
    CHECK(section["tokens"] == Json{5, 5, 5, 10});
    CHECK(section["seconds"] == Json{1.0, 1.0, 1.0, 3.0});
    CHECK(section["loss"]["mean"] == Json{0.0, nullptr, nullptr, 0.0});
}
