#include "catch.hpp"

#include <lapidary/core/philox.hpp>
#include <lapidary/data/apportion.hpp>
#include <lapidary/data/mix.hpp>
#include <lapidary/data/mix_plan.hpp>
#include <lapidary/data/mix_view.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <tuple>
#include <vector>

using namespace lapidary;

namespace {

constexpr MixOrder orders[]{MixOrder::dealt, MixOrder::shuffled, MixOrder::given};

using Key = std::tuple<Index, Index, Index>;
Key key(const Mix::Sample& sample) { return {sample.source, sample.epoch, sample.window}; }

// A random mix of up to five sources, some of them empty, with less and more than one epoch.
std::vector<MixSource> random_sources(std::uint64_t item, Index chunks) {
    const Philox random(7, "mix test", item);
    const auto below = [&](std::uint64_t element, std::uint64_t n) {
        return static_cast<Index>(random.integer(element) % n);
    };
    std::vector<MixSource> sources;
    Index total = 0;
    const Index count = 1 + below(0, 5);
    for (Index s = 0; s < count; ++s) {
        const auto element = static_cast<std::uint64_t>(10 * s + 1);
        const MixSource source{1 + below(element, 40), below(element + 1, 5) == 0 ? 0 : below(element + 2, 90)};
        sources.push_back(source);
        total += source.samples;
    }
    sources.back().samples += (chunks - total % chunks) % chunks;
    return sources;
}

Recipe recipe_of(const std::vector<double>& weights, Index chunks) {
    Recipe recipe;
    recipe.name = "test";
    recipe.chunks = chunks;
    for (std::size_t s = 0; s < weights.size(); ++s) {
        RecipeSource& source = recipe.sources.emplace_back();
        source.name = static_cast<char>('a' + s);
        source.weight = weights[s];
    }
    return recipe;
}

Recipe recipe_by_epochs(const std::vector<double>& epochs, Index chunks, MixOrder order) {
    Recipe recipe = recipe_of(std::vector<double>(epochs.size()), chunks);
    recipe.order = order;
    for (std::size_t s = 0; s < epochs.size(); ++s) recipe.sources[s].epochs = epochs[s];
    return recipe;
}

Index sum(const std::vector<Index>& values) { return std::accumulate(values.begin(), values.end(), Index{0}); }

}  // namespace

TEST_CASE("a mix places every sample once and finds it again", "[mix]") {
    for (std::uint64_t item = 0; item < 60; ++item) {
        const Index chunks = 1 + static_cast<Index>(item % 9);
        const std::vector<MixSource> sources = random_sources(item, chunks);
        for (const MixOrder order : orders) {
            const Mix mix(sources, chunks, order, item);
            std::set<Key> seen;
            std::vector<std::vector<Index>> seen_of(sources.size());
            for (std::size_t s = 0; s < sources.size(); ++s)
                seen_of[s].resize(static_cast<std::size_t>(sources[s].windows));
            bool found_again = true;
            bool whole_epochs = true;
            for (Index chunk = 0; chunk < chunks; ++chunk) {
                for (Index row = 0; row < mix.windows_per_chunk(); ++row) {
                    const Mix::Sample sample = mix.at(chunk, row);
                    seen.insert(key(sample));
                    Index& times = seen_of.at(static_cast<std::size_t>(sample.source))
                                       .at(static_cast<std::size_t>(sample.window));
                    // From chunk to chunk, a window comes again only in the next epoch.
                    whole_epochs = whole_epochs && (order == MixOrder::dealt || times == sample.epoch);
                    ++times;
                    found_again = found_again &&
                                  mix.place(sample.source, sample.epoch, sample.window) == Mix::Place{chunk, row};
                }
            }
            CHECK(found_again);
            CHECK(whole_epochs);
            CHECK(static_cast<Index>(seen.size()) == mix.samples());
            for (std::size_t s = 0; s < sources.size(); ++s) {
                const Index floor = sources[s].samples / sources[s].windows;
                CHECK(sum(seen_of[s]) == sources[s].samples);
                for (const Index times : seen_of[s]) {
                    CHECK(times >= floor);
                    CHECK(times <= floor + (sources[s].samples % sources[s].windows == 0 ? 0 : 1));
                }
            }
        }
    }
}

TEST_CASE("any two chunks differ by at most one window of a source, which lie together", "[mix]") {
    for (std::uint64_t item = 0; item < 40; ++item) {
        const Index chunks = 1 + static_cast<Index>(item % 7);
        const std::vector<MixSource> sources = random_sources(item, chunks);
        const Mix mix(sources, chunks, orders[item % 3], 1);
        for (Index chunk = 0; chunk < chunks; ++chunk) {
            std::vector<Index> sources_of_rows;
            for (const Mix::Sample sample : samples_in(mix, chunk)) sources_of_rows.push_back(sample.source);
            CHECK(static_cast<Index>(sources_of_rows.size()) == mix.windows_per_chunk());
            CHECK(std::is_sorted(sources_of_rows.begin(), sources_of_rows.end()));
            for (std::size_t s = 0; s < sources.size(); ++s) {
                const auto source = static_cast<Index>(s);
                const Index count = std::count(sources_of_rows.begin(), sources_of_rows.end(), source);
                CHECK(count >= sources[s].samples / chunks);
                CHECK(count <= (sources[s].samples + chunks - 1) / chunks);
                CHECK(mix.first_row(chunk, source + 1) - mix.first_row(chunk, source) == count);
                if (count > 0)
                    CHECK(sources_of_rows[static_cast<std::size_t>(mix.first_row(chunk, source))] == source);
            }
        }
    }
}

TEST_CASE("dealing is AMBER's: source by source, window i to chunk i mod N", "[mix]") {
    const Index chunks = 6;
    const std::vector<Index> windows{13, 25, 5, 61};
    const Recipe recipe = recipe_by_epochs({1, 1, 1, 1}, chunks, MixOrder::dealt);
    std::vector<std::vector<Mix::Sample>> dealt(static_cast<std::size_t>(chunks));
    for (std::size_t s = 0; s < windows.size(); ++s) {
        for (Index i = 0; i < windows[s] - windows[s] % chunks; ++i) {
            dealt[static_cast<std::size_t>(i % chunks)].push_back({static_cast<Index>(s), 0, i});
        }
    }
    const Mix mix = make_mix(recipe, windows);
    for (Index chunk = 0; chunk < chunks; ++chunk) {
        std::vector<Mix::Sample> samples;
        for (const Mix::Sample sample : samples_in(mix, chunk)) samples.push_back(sample);
        CHECK(samples == dealt[static_cast<std::size_t>(chunk)]);
    }
    CHECK_FALSE(mix.place(2, 0, 0));  // fewer windows than chunks: none is dealt
    CHECK_FALSE(mix.place(0, 0, 12));
    CHECK_FALSE(mix.place(0, 1, 0));
}

TEST_CASE("given chunks stay as they are", "[mix]") {
    const Mix mix({{12, 12}}, 3, MixOrder::given, 1);
    for (Index chunk = 0; chunk < 3; ++chunk) {
        for (Index row = 0; row < 4; ++row) CHECK(mix.at(chunk, row) == Mix::Sample{0, 0, 4 * chunk + row});
    }
}

TEST_CASE("seed, source and epoch choose the order, nothing else", "[mix]") {
    const auto windows = [](const Mix& mix, Index chunk, Index source) {
        std::vector<Index> result;
        for (const Mix::Sample sample : samples_in(mix, chunk))
            if (sample.source == source) result.push_back(sample.window);
        return result;
    };
    const std::vector<MixSource> sources{{100, 200}, {100, 200}};
    const Mix mix(sources, 2, MixOrder::shuffled, 1);
    CHECK(windows(mix, 0, 0) == windows(Mix(sources, 2, MixOrder::shuffled, 1), 0, 0));
    CHECK(windows(mix, 0, 0) != windows(mix, 1, 0));  // epochs 0 and 1
    CHECK(windows(mix, 0, 0) != windows(mix, 0, 1));
    CHECK(windows(mix, 0, 0) != windows(Mix(sources, 2, MixOrder::shuffled, 2), 0, 0));
    // What a run of other length or other chunks sees first is the same.
    const Mix longer({{100, 300}, {100, 300}}, 3, MixOrder::shuffled, 1);
    CHECK(windows(longer, 0, 0) == windows(mix, 0, 0));
    // A chunk's shuffle in training, which is drawn with the same seed, has nothing to do with it.
    const Permutation training(100, 1, 0);
    int equal = 0;
    for (Index i = 0; i < 100; ++i) equal += mix.at(0, i).window == training(i) ? 1 : 0;
    CHECK(equal < 10);
}

TEST_CASE("the order of published mixes stays what it was", "[mix]") {
    const Mix mix({{1000, 1500}, {300, 660}}, 4, MixOrder::shuffled, 11111);
    std::vector<Index> got;
    for (Index row : {0, 1, 2, 374, 375, 376}) got.push_back(mix.at(2, row).window);
    CHECK(got == std::vector<Index>{645, 707, 456, 408, 257, 286});
}

TEST_CASE("a mix of AMBER's size is asked anywhere at once", "[mix]") {
    const std::vector<MixSource> sources{
        {20'000'000, 14'643'720},   {14'086'080, 14'086'080}, {96'472'800, 96'472'800}, {100'000'000, 324'559'440},
        {142'470'720, 142'470'720}, {10'614'960, 10'614'960}, {11'663'640, 11'663'640}};
    for (const MixOrder order : orders) {
        const Mix mix(sources, 360, order, 11111);
        REQUIRE(mix.windows_per_chunk() == 1'706'976);
        CHECK(mix.epochs(3) == 4);
        const Philox random(1, "places");
        bool found_again = true;
        for (std::uint64_t i = 0; i < 20'000; ++i) {
            const auto chunk = static_cast<Index>(random.integer(2 * i) % 360);
            const auto row = static_cast<Index>(random.integer(2 * i + 1) % 1'706'976);
            const Mix::Sample sample = mix.at(chunk, row);
            found_again =
                found_again && mix.place(sample.source, sample.epoch, sample.window) == Mix::Place{chunk, row};
        }
        CHECK(found_again);
        CHECK(mix.at(359, 1'706'975).source == 6);
    }
}

TEST_CASE("places and samples that are not there are refused", "[mix]") {
    const Mix mix({{4, 6}, {3, 0}}, 2, MixOrder::shuffled, 1);
    CHECK_THROWS_AS(mix.at(2, 0), Error);
    CHECK_THROWS_AS(mix.at(-1, 0), Error);
    CHECK_THROWS_AS(mix.at(0, 3), Error);
    CHECK_THROWS_AS(mix.place(2, 0, 0), Error);
    CHECK_THROWS_AS(mix.place(0, 0, 4), Error);
    CHECK_THROWS_AS(mix.place(0, -1, 0), Error);
    CHECK_FALSE(mix.place(1, 0, 0));
    CHECK_FALSE(mix.place(0, Index{1} << 60, 0));
    CHECK_THROWS_WITH(Mix({{4, 5}}, 2, MixOrder::dealt, 1), ContainsSubstring("5 samples do not fill 2 chunks"));
    CHECK_THROWS_AS(Mix({{0, 2}}, 2, MixOrder::dealt, 1), Error);
    CHECK_THROWS_AS(Mix({{-1, 0}}, 2, MixOrder::dealt, 1), Error);
    CHECK_THROWS_AS(Mix({{1, -2}}, 2, MixOrder::dealt, 1), Error);
    CHECK_THROWS_AS(Mix({{1, 2}}, 0, MixOrder::dealt, 1), Error);
    CHECK_THROWS_AS(Mix({{1, Index{1} << 40}}, 2, MixOrder::dealt, 1), Error);
    constexpr Index most = std::numeric_limits<Index>::max();
    CHECK_THROWS_AS(Mix({{most, most}, {most, 1}}, 1, MixOrder::dealt, 1), Error);
}

TEST_CASE("decimals are what was written", "[mix]") {
    CHECK(decimal(0.04325) == Decimal{4325, -5});
    CHECK(decimal(1) == Decimal{1, 0});
    CHECK(decimal(120) == Decimal{12, 1});
    CHECK(decimal(0) == Decimal{0, 0});
    CHECK(decimal(-0.0) == Decimal{0, 0});
    CHECK(decimal(2.5e-10) == Decimal{25, -11});
    CHECK_THROWS_AS(decimal(-1), Error);
    CHECK_THROWS_AS(decimal(std::nan("")), Error);
    CHECK_THROWS_AS(decimal(HUGE_VAL), Error);
    CHECK(rounded_product(0.29, 100) == 29);  // 28.999999999999996 in double
    CHECK(rounded_product(1.005, 100) == 101);
    CHECK(rounded_product(0.5, 5) == 3);
    CHECK(rounded_product(0.1, 4) == 0);
    CHECK(rounded_product(1, 9'007'199'254'740'993) == 9'007'199'254'740'993);
    CHECK(rounded_product(1e-300, 5) == 0);
    CHECK(rounded_product(1e18, 9) == 9'000'000'000'000'000'000);
    CHECK_THROWS_AS(rounded_product(1e18, 10), Error);
    CHECK_THROWS_AS(rounded_product(1e300, 1), Error);
    CHECK(rounded_product(1e300, 0) == 0);
}

TEST_CASE("weights become integers in the same proportions", "[mix]") {
    const auto integers = [](std::vector<double> weights) { return integer_weights(weights); };
    CHECK(integers({0.04325, 0.5, 1}) == std::vector<Index>{4325, 50000, 100000});
    CHECK(integers({3, 0, 20}) == std::vector<Index>{3, 0, 20});
    CHECK(integers({2e300, 1e300}) == std::vector<Index>{2, 1});
    CHECK(integers({1e-30, 1}) == std::vector<Index>{0, 1'000'000'000'000'000'000});
    CHECK(integers({0.12345678901234567, 1000}).at(0) == 12'345'678'901'235);
    CHECK(integers({0, 0}) == std::vector<Index>{0, 0});
    CHECK_THROWS_AS(integers({-1, 2}), Error);
}

TEST_CASE("shares are exact to less than one, equal remainders go to the earlier", "[mix]") {
    const auto shares = [](Index total, std::vector<Index> weights) { return apportion(total, weights); };
    CHECK(shares(10, {1, 1, 1}) == std::vector<Index>{4, 3, 3});
    CHECK(shares(11, {1, 1, 1}) == std::vector<Index>{4, 4, 3});
    CHECK(shares(0, {0, 0}) == std::vector<Index>{0, 0});
    CHECK(shares(1, {0, 3, 0}) == std::vector<Index>{0, 1, 0});
    CHECK(shares(5, {2, 1, 2, 5}) == std::vector<Index>{1, 1, 1, 2});  // 1, 0.5, 1, 2.5
    // At 10^18 a double is wrong by hundreds.
    CHECK(shares(999'999'999'999'999'999, {1, 2}) ==
          std::vector<Index>{333'333'333'333'333'333, 666'666'666'666'666'666});
    CHECK_THROWS_AS(shares(1, {0, 0}), Error);
    CHECK_THROWS_AS(shares(1, {}), Error);
    CHECK_THROWS_AS(shares(-1, {1}), Error);
    CHECK_THROWS_AS(shares(1, {-1, 2}), Error);
    for (std::uint64_t item = 0; item < 200; ++item) {
        const Philox random(3, "weights", item);
        std::vector<double> weights;
        for (std::uint64_t s = 0; s <= item % 12; ++s) {  // decimals of five places, as papers print them
            weights.push_back(static_cast<double>(1 + random.integer(s) % 99'999) / 1e5);
        }
        const auto total = static_cast<Index>(random.integer(99) % 1'000'000'000);
        const std::vector<Index> integer = integer_weights(weights);
        const std::vector<Index> got = apportion(total, integer);
        CHECK(sum(got) == total);
        const __int128 all = sum(integer);
        for (std::size_t s = 0; s < weights.size(); ++s) {
            const __int128 off = static_cast<__int128>(got[s]) * all - static_cast<__int128>(total) * integer[s];
            CHECK((off > -all && off < all));
            CHECK(static_cast<double>(integer[s]) / static_cast<double>(integer[0]) ==
                  Approx(weights[s] / weights[0]).epsilon(1e-14));
        }
    }
}

TEST_CASE("weights without steps give as much as the scarcest source allows", "[mix]") {
    Recipe recipe = recipe_of({0.5, 0.25, 0.25}, 3);
    CHECK(samples_of(recipe, std::vector<Index>{1000, 1000, 7}) == std::vector<Index>{13, 7, 7});  // 28, cut to 27
    for (std::uint64_t item = 0; item < 200; ++item) {
        const Philox random(4, "windows", item);
        std::vector<double> weights;
        std::vector<Index> windows;
        for (std::uint64_t s = 0; s <= item % 6; ++s) {
            weights.push_back(static_cast<double>(1 + random.integer(2 * s) % 999) / 1e3);
            windows.push_back(5000 + static_cast<Index>(random.integer(2 * s + 1) % 100'000));
        }
        recipe = recipe_of(weights, 1 + static_cast<Index>(item % 5));
        const std::vector<Index> samples = samples_of(recipe, windows);
        CHECK(sum(samples) % recipe.chunks == 0);
        Index scarcest = std::numeric_limits<Index>::max();
        for (std::size_t s = 0; s < samples.size(); ++s) {
            CHECK(samples[s] <= windows[s]);
            scarcest = std::min(scarcest, windows[s] - samples[s]);
        }
        CHECK(scarcest <= recipe.chunks);
    }
    CHECK_THROWS_WITH(samples_of(recipe_of({1, 1}, 1), std::vector<Index>{5, 0}),
                      ContainsSubstring("test: 'b' has a weight"));
    CHECK_THROWS_AS(samples_of(recipe_of({1, 1}, 1), std::vector<Index>{5}), Error);
    CHECK_THROWS_WITH(samples_of(recipe_of({1}, 9), std::vector<Index>{5}), ContainsSubstring("5 windows for 9"));
}

TEST_CASE("weights with steps size the mix by them and repeat what is scarce", "[mix]") {
    Recipe recipe = recipe_of({0.3, 0.7}, 4);
    recipe.batch = 10;
    recipe.steps = 11;
    const std::vector<Index> windows{5, 1000};
    CHECK(samples_of(recipe, windows) == std::vector<Index>{32, 76});  // of 108: 32.4 and 75.6
    const Mix mix = make_mix(recipe, windows);
    CHECK(mix.windows_per_chunk() == 27);
    CHECK(mix.epochs(0) == 7);
    CHECK(plan_mix(recipe).samples == plan_mix(recipe, windows).samples);
}

TEST_CASE("epochs give the nearest number of windows, cut to the chunks", "[mix]") {
    const std::vector<Index> windows{10, 100, 7};
    CHECK(samples_of(recipe_by_epochs({1, 1, 1}, 1, MixOrder::shuffled), windows) == windows);
    CHECK(samples_of(recipe_by_epochs({0.29, 1.5, 2}, 1, MixOrder::given), windows) ==
          std::vector<Index>{3, 150, 14});
    CHECK(samples_of(recipe_by_epochs({0.29, 1.5, 2}, 4, MixOrder::dealt), windows) ==
          std::vector<Index>{0, 148, 12});
    const std::vector<Index> cut = samples_of(recipe_by_epochs({1, 1, 1}, 4, MixOrder::shuffled), windows);
    CHECK(sum(cut) == 116);
    for (std::size_t s = 0; s < cut.size(); ++s) {
        CHECK(cut[s] <= windows[s]);
        CHECK(cut[s] >= windows[s] - 1);
    }
    CHECK_THROWS_AS(samples_of(recipe_by_epochs({1}, 4, MixOrder::dealt), std::vector<Index>{3}), Error);
}

TEST_CASE("windows are held out by number or by share", "[mix]") {
    Recipe recipe = recipe_by_epochs({1, 1}, 1, MixOrder::dealt);
    const std::vector<Index> windows{1000, 149};
    CHECK(held_out_of(recipe, windows) == std::vector<Index>{0, 0});
    recipe.validation.share = 0.01;
    CHECK(held_out_of(recipe, windows) == std::vector<Index>{10, 1});
    recipe.validation = {.windows = 149};
    CHECK(held_out_of(recipe, windows) == std::vector<Index>{149, 149});
    recipe.validation = {.windows = 150};
    CHECK_THROWS_WITH(held_out_of(recipe, windows), ContainsSubstring("150 windows of 'b'"));
}

TEST_CASE("a plan without data says what it lacks", "[mix]") {
    Recipe weights = recipe_of({0.3, 0.7}, 4);
    CHECK_THROWS_WITH(plan_mix(weights), ContainsSubstring("'windows_per_chunk'"));
    weights.windows_per_chunk = 5;
    CHECK(plan_mix(weights).samples == std::vector<Index>{6, 14});
    Recipe tokens = recipe_by_epochs({1, 1}, 4, MixOrder::shuffled);
    tokens.sources[0].tokens = 2049 * 10;
    CHECK_THROWS_WITH(plan_mix(tokens), ContainsSubstring("the 'tokens' of 'b' have to be known"));
    tokens.sources[1].tokens = 2049 * 30 + 2048;
    const MixPlan plan = plan_mix(tokens);
    CHECK(plan.total_samples() == 40);
    CHECK(plan.windows_per_chunk() == 10);
    CHECK(plan.steps(3) == 12);
    CHECK(plan.trained_tokens(3) == 36 * 2048);
    CHECK(plan.tokens(0) == plan.samples[0] * 2049);
    CHECK_THROWS_AS(plan.steps(0), Error);
    tokens.order = MixOrder::dealt;
    CHECK(plan_mix(tokens).samples == std::vector<Index>{8, 32});  // windows of a chunk: 2.4 and 7.6
}
