#include "analysis/support.hpp"
#include "catch.hpp"

#include <lapidary/analysis/exposure.hpp>
#include <lapidary/analysis/memorization_grid.hpp>
#include <lapidary/analysis/memorization_json.hpp>
#include <lapidary/analysis/memorization_tensors.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

using namespace lapidary;
using namespace lapidary::test;

namespace {

/// A run as its manifest tells it, as far as it matters here.
RunRecord run_of(std::uint64_t seed, Index batch, Index steps) {
    RunRecord run;
    run.seed = seed;
    run.batch = batch;
    run.steps = steps;
    return run;
}

// Three sequences of chunk 4, two of chunk 1, of which the last is of source 1; two tokens are compared.
MemorizationSample five_sequences() {
    return {1, 2, {4, 1}, {{4, 0, 0}, {4, 3, 1}, {4, 7, 0}, {1, 2, 0}, {1, 5, 1}}, std::vector<TokenId>(15)};
}

MemorizationGrid grid_by_hand() {
    MemorizationGrid grid(five_sequences());
    grid.add("first", 10, {1, 0, 1, 1, 0, 0, 0, 1, 0, 0});   // 1 2 0 1 0 right
    grid.add("second", 20, {1, 1, 1, 1, 0, 0, 1, 1, 0, 1});  // 2 2 0 2 1
    grid.add("last", 30, {1, 1, 0, 1, 1, 1, 1, 1, 0, 0});    // 2 1 2 2 0
    return grid;
}

}  // namespace

TEST_CASE("a grid by hand comes to what one counts", "[memorization]") {
    const MemorizationGrid grid = grid_by_hand();
    CHECK(grid.right(0, 1) == 2);
    CHECK(grid.tally(0).mean_score() == 0.4);
    CHECK(grid.tally(0).extractable_share() == 0.2);
    const auto chunks = grid.by_chunk(1);
    REQUIRE(chunks.size() == 2);
    CHECK(chunks[0].sequences == 3);
    CHECK(chunks[0].mean_score() == Approx(4.0 / 6));
    CHECK(chunks[0].extractable_share() == Approx(2.0 / 3));
    CHECK(chunks[1].mean_score() == 0.75);
    CHECK(chunks[1].extractable_share() == 0.5);
    const auto other = grid.by_chunk(2, 1);
    CHECK(other[0].sequences == 1);
    CHECK(other[0].mean_score() == 0.5);
    CHECK(other[1].mean_score() == 0);
    CHECK(grid.by_chunk(0, 7)[0].sequences == 0);
    CHECK(std::isnan(grid.by_chunk(0, 7)[0].mean_score()));
    CHECK(grid.histogram(0) == std::vector<Index>{2, 2, 1});
    CHECK(grid.histogram(2) == std::vector<Index>{1, 1, 3});
    CHECK(grid.by_position(0) == std::vector<double>{0.4, 0.4});
    CHECK(grid.by_position(2) == std::vector<double>{0.6, 0.8});
    CHECK(grid.scores(1) == std::vector<double>{1, 1, 0, 1, 0.5});
    CHECK(grid.extractable(1) == std::vector<double>{1, 1, 0, 1, 0});
    CHECK(grid.prediction(0).precision == 0);  // it has memorized the second, the last has not
    CHECK(grid.prediction(0).recall == 0);
    CHECK(grid.prediction(1).precision == 2.0 / 3);
    CHECK(grid.prediction(1).recall == 2.0 / 3);
    CHECK(grid.prediction(2).precision == 1);
    CHECK(grid.prediction(2).recall == 1);
    CHECK(grid.best(10) == std::vector<Index>{0, 3, 2, 1, 4});  // 0 and 3 have five in all, 2 has two
    CHECK(grid.best(2) == std::vector<Index>{0, 3});
}

TEST_CASE("where nothing is memorized, precision and recall are undefined", "[memorization]") {
    MemorizationGrid grid(five_sequences());
    grid.add("all", std::nullopt, std::vector<std::uint8_t>(10, 1));
    grid.add("none", std::nullopt, std::vector<std::uint8_t>(10, 0));
    CHECK(grid.prediction(0).precision == 0);
    CHECK_FALSE(grid.prediction(0).recall.has_value());
    CHECK_FALSE(grid.prediction(1).precision.has_value());
    io_test::check_throws(
        ErrorCode::shape, [&] { grid.add("short", 1, std::vector<std::uint8_t>(9)); },
        "short: 9 matches, expected 5 times 2");
}

TEST_CASE("a chunk is seen when its pass is over, a sequence when its step is", "[memorization]") {
    const TemporaryDirectory folder;
    const TokenChunks data = small_data(folder.path(), 20, 50, 3);
    const Index in_chunk = data.steps_per_chunk(), all = data.steps_per_epoch();
    REQUIRE(in_chunk >= 4);
    REQUIRE(data.windows_per_chunk() % 3 != 0);  // some windows fill no batch
    const auto seen = [&](Index chunk, Index steps) {
        return seen_of_chunk(data, run_of(5, 3, 1 << 20), chunk, steps);
    };
    CHECK(seen(0, 0) == Seen::none);
    CHECK(seen(0, 1) == Seen::part);
    CHECK(seen(0, in_chunk - 1) == Seen::part);
    CHECK(seen(0, in_chunk) == Seen::all);
    CHECK(seen(1, in_chunk) == Seen::none);
    CHECK(seen(1, in_chunk + 1) == Seen::part);
    CHECK(seen(3, all - 1) == Seen::part);
    CHECK(seen(3, all) == Seen::all);
    CHECK(seen(1, all + 1) == Seen::all);
    CHECK_THROWS_WITH(seen(4, 1), ContainsSubstring("there is no chunk 4"));
    RunRecord skipped = run_of(5, 3, 1 << 20);
    skipped.decisions.add({in_chunk + 1, "bad"});
    CHECK(seen_of_chunk(data, skipped, 0, all) == Seen::all);
    CHECK(seen_of_chunk(data, skipped, 1, all) == Seen::part);
    RunRecord rewound = run_of(5, 3, 1 << 20);  // at the last batch of the second chunk, to its beginning
    rewound.decisions.add({2 * in_chunk - 1, "bad", true, in_chunk, 2 * in_chunk, 0, 0});
    CHECK(seen_of_chunk(data, rewound, 1, all - in_chunk) == Seen::none);
    CHECK(seen_of_chunk(data, rewound, 2, 2 * in_chunk) == Seen::all);
    CHECK_FALSE(latest_seen_chunk(data, 0, 3).has_value());
    CHECK(latest_seen_chunk(data, 1, 3) == 0);
    CHECK(latest_seen_chunk(data, in_chunk, 3) == 0);
    CHECK(latest_seen_chunk(data, in_chunk + 1, 3) == 1);
    CHECK(latest_seen_chunk(data, all + 1, 3) == 0);

    // What a checkpoint has seen is what the batches before it held.
    const std::vector<Index> chunks{0, 1, 2, 3};
    MemorizationGrid grid(draw_memorization_sample(data, chunks, {.prefix = 2, .continuation = 1}));
    const std::vector<std::uint8_t> nothing(static_cast<std::size_t>(grid.sample().size()));
    const std::vector<Index> steps{0, 2, in_chunk + 2, 2 * all + 3};
    for (const Index step : steps) grid.add("step " + std::to_string(step), step, nothing);
    grid.add("published", std::nullopt, nothing);
    const Exposure exposure(grid, data, run_of(5, 3, 2 * all + 3));
    for (std::size_t c = 0; c < steps.size(); ++c) {
        std::vector<std::vector<Index>> when(static_cast<std::size_t>(grid.sample().size()));
        for (Index step = 0; step < steps[c]; ++step) {
            const Batch batch = data.batch(step, 3, 5);
            for (const Index row : batch.rows) {
                when[static_cast<std::size_t>(batch.chunk * data.windows_per_chunk() + row)].push_back(step);
            }
        }
        for (Index i = 0; i < grid.sample().size(); ++i) {
            const auto& expected = when[static_cast<std::size_t>(i)];
            REQUIRE(exposure.times_seen(c, i) == std::ssize(expected));
            REQUIRE(exposure.steps_of(c, grid.sample().windows[static_cast<std::size_t>(i)]) == expected);
        }
        CHECK(exposure.seen(c, 1) == seen(1, steps[c]));
        CHECK(exposure.latest_chunk(c) == latest_seen_chunk(data, steps[c], 3));
    }
    CHECK_FALSE(exposure.known(4));
    CHECK_FALSE(exposure.seen(4, 0).has_value());
    CHECK_FALSE(exposure.times_seen(4, 0).has_value());
    CHECK_FALSE(exposure.latest_chunk(4).has_value());
    const Exposure without(grid, data, std::nullopt);
    CHECK_FALSE(without.known(1));
    CHECK_THROWS_WITH(Exposure(grid, data, run_of(5, 1000, 3)), ContainsSubstring("a batch of 1000 windows"));
}

TEST_CASE("the files of a grid hold all of it", "[memorization]") {
    const TemporaryDirectory folder;
    const TokenChunks data = small_data(folder / "data", 20, 50, 3);
    const Index in_chunk = data.steps_per_chunk();
    const std::vector<Index> chunks{0, 2};
    MemorizationGrid grid(
        draw_memorization_sample(data, chunks, {.prefix = 2, .continuation = 3, .sequences = 4, .seed = 1}));
    std::vector<std::uint8_t> some(24), all(24, 1), none(24, 0);
    for (const std::size_t at : {0, 1, 2, 3, 12, 14, 23}) some[at] = 1;
    grid.add("ckpt_000", in_chunk, some);
    grid.add("ckpt_001", 3 * in_chunk - 1, all);
    grid.add("late", std::nullopt, none);
    const Exposure exposure(grid, data, run_of(5, 3, 100));
    const Json json = memorization_json(grid, data, exposure, 2);
    CHECK(json["format"] == "lapidary memorization 1");
    CHECK(json["prefix"] == 2);
    CHECK(json["continuation"] == 3);
    CHECK(json["chunks"] == Json({0, 2}));
    CHECK(json["sources"] == Json({"source0", "source1"}));
    REQUIRE(json["checkpoints"].size() == 3);
    CHECK(json["checkpoints"][0]["name"] == "ckpt_000");
    CHECK(json["checkpoints"][0]["step"] == in_chunk);
    CHECK(json["checkpoints"][0]["latest_seen_chunk"] == 0);
    CHECK(json["checkpoints"][1]["latest_seen_chunk"] == 2);
    CHECK(json["checkpoints"][2]["step"].is_null());
    CHECK(json["checkpoints"][2]["seen"].is_null());
    Index seen_count = 0;
    for (Index i = 0; i < 8; ++i) seen_count += exposure.times_seen(0, i).value() > 0 ? 1 : 0;
    CHECK(seen_count > 0);
    CHECK(json["checkpoints"][0]["seen"]["count"] == seen_count);
    CHECK(json["checkpoints"][0]["unseen"]["count"] == 8 - seen_count);
    CHECK(json["grid"][0][0]["mean_score"].get<double>() == Approx(4.0 / 12));
    CHECK(json["grid"][0][0]["extractable"] == 0.25);
    CHECK(json["grid"][0][0]["count"] == 4);
    CHECK(json["grid"][0][0]["seen"] == "all");
    CHECK(json["grid"][0][1]["seen"] == "none");
    CHECK(json["grid"][1][1]["seen"] == "part");
    CHECK(json["grid"][2][0]["seen"].is_null());
    CHECK(json["histogram"][0] == Json({4, 2, 1, 1}));
    CHECK(json["by_position"][1] == Json({1.0, 1.0, 1.0}));
    Index counted = 0;
    for (const char* name : {"source0", "source1"}) {
        REQUIRE(json["by_source"][name].size() == 3);
        for (const Json& cell : json["by_source"][name][0]) {
            counted += cell["count"].get<Index>();
            CHECK(cell["mean_score"].is_null() == (cell["count"] == 0));
        }
    }
    CHECK(counted == 8);
    CHECK(json["correlation"]["scores"][0][0] == 1.0);
    CHECK(json["correlation"]["scores"][0][1].is_null());  // the second knows all alike
    CHECK(json["correlation"]["extractable"].size() == 3);
    CHECK(json["prediction"][1]["precision"] == 0.0);
    CHECK(json["prediction"][1]["recall"].is_null());
    CHECK(json["prediction"][2]["precision"].is_null());
    REQUIRE(json["memorized"].size() == 2);
    CHECK(json["memorized"][0]["sequence"] == 0);  // as nothing is right in the end, by all of them
    CHECK(json["memorized"][0]["matches"] == Json({3, 3, 0}));
    CHECK(json["memorized"][0]["row"] == grid.sample().windows[0].row);
    CHECK(json["memorized"][0]["seen"].is_null());
    CHECK_THROWS_WITH(memorization_json(MemorizationGrid(grid.sample()), data, exposure),
                      ContainsSubstring("there is no checkpoint"));

    const auto file = folder / "memorization.safetensors";
    io_test::put(file, "an older one");
    write_memorization_tensors(file, grid, exposure);
    const SafetensorsReader tensors(file);
    CHECK(tensors.info("matches").shape == std::vector<Index>{3, 8, 3});
    const auto matches = tensors.view<std::uint8_t, 3>("matches");
    CHECK(std::vector<std::uint8_t>(matches.begin(), matches.begin() + 24) == some);
    CHECK(std::vector<std::uint8_t>(matches.begin() + 24, matches.begin() + 48) == all);
    CHECK(tensors.read<std::int64_t>("step") == std::vector<std::int64_t>{in_chunk, 3 * in_chunk - 1, -1});
    for (Index i = 0; i < 8; ++i) {
        const SampledWindow& window = grid.sample().windows[static_cast<std::size_t>(i)];
        CHECK(tensors.view<std::int64_t, 1>("chunk")[i] == window.chunk);
        CHECK(tensors.view<std::int64_t, 1>("row")[i] == window.row);
        CHECK(tensors.view<std::uint16_t, 1>("source")[i] == window.source);
        CHECK(tensors.view<std::uint16_t, 2>("times_seen").at(0)[i] == exposure.times_seen(0, i));
        CHECK(tensors.view<std::uint16_t, 2>("times_seen").at(2)[i] == 0);
    }
    CHECK(io_test::entries(folder.path()) == 2);
    io_test::check_throws(
        ErrorCode::io, [&] { write_memorization_tensors(folder / "no/where", grid, exposure); }, "no/where");
}
