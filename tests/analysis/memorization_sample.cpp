#include "analysis/support.hpp"
#include "catch.hpp"

#include <lapidary/analysis/evenly_spaced.hpp>

#include <algorithm>
#include <set>

using namespace lapidary;
using namespace lapidary::test;

TEST_CASE("rows are drawn by seed and chunk, each once, all if there are no more", "[memorization]") {
    const auto rows = sampled_rows(100, 10, 3, 7);
    CHECK(rows.size() == 10);
    CHECK(std::is_sorted(rows.begin(), rows.end()));
    CHECK(std::set<Index>(rows.begin(), rows.end()).size() == 10);
    CHECK(rows.back() < 100);
    CHECK(rows == sampled_rows(100, 10, 3, 7));
    CHECK(rows != sampled_rows(100, 10, 3, 8));
    CHECK(rows != sampled_rows(100, 10, 4, 7));
    const auto more = sampled_rows(100, 30, 3, 7);
    CHECK(std::includes(more.begin(), more.end(), rows.begin(), rows.end()));
    CHECK(sampled_rows(3, 10, 3, 7) == std::vector<Index>{0, 1, 2});
    CHECK(sampled_rows(100, 10, 3, 7) == std::vector<Index>{16, 34, 36, 39, 41, 47, 59, 64, 65, 83});  // for ever
    std::vector<int> drawn(20);  // no row is preferred
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
        for (const Index row : sampled_rows(20, 5, seed, 0)) ++drawn[static_cast<std::size_t>(row)];
    }
    for (const int count : drawn) CHECK(count == Approx(500).margin(100));
}

TEST_CASE("a sample is the beginning of windows as they lie in the chunks", "[memorization]") {
    const TemporaryDirectory folder;
    const TokenChunks data = small_data(folder.path(), 20, 50);
    const std::vector<Index> chunks{3, 1};
    const MemorizationSample sample =
        draw_memorization_sample(data, chunks, {.prefix = 5, .continuation = 7, .sequences = 6, .seed = 2});
    REQUIRE(sample.size() == 12);
    CHECK(sample.chunks == chunks);
    std::vector<TokenId> window(21);
    for (Index i = 0; i < 12; ++i) {
        const SampledWindow& one = sample.windows[static_cast<std::size_t>(i)];
        CHECK(one.chunk == chunks[static_cast<std::size_t>(i / 6)]);
        CHECK(one.row == sampled_rows(data.windows_per_chunk(), 6, 2, one.chunk)[static_cast<std::size_t>(i % 6)]);
        CHECK(one.source == data.chunk(one.chunk).origin(one.row).source);
        data.chunk(one.chunk).read(one.row, window.data());
        CHECK(
            std::equal(window.begin(), window.begin() + 12, sample.sequence(i).begin(), sample.sequence(i).end()));
        CHECK(std::equal(window.begin(), window.begin() + 5, sample.prompt(i).begin(), sample.prompt(i).end()));
        CHECK(std::equal(window.begin() + 5, window.begin() + 12, sample.truth(i).begin(), sample.truth(i).end()));
    }
    const MemorizationSample all = draw_memorization_sample(data, chunks, {.prefix = 20, .continuation = 1});
    CHECK(all.size() == 2 * data.windows_per_chunk());
}

TEST_CASE("samples that cannot be drawn are refused", "[memorization]") {
    const TemporaryDirectory folder;
    const TokenChunks data = small_data(folder.path(), 20, 50);
    const auto refused = [&](const std::vector<Index>& chunks, const MemorizationSampleOptions& options,
                             const std::string& part) {
        io_test::check_throws(
            ErrorCode::value, [&] { draw_memorization_sample(data, chunks, options); }, part);
    };
    refused({}, {.prefix = 5, .continuation = 5}, "no chunks");
    refused({4}, {.prefix = 5, .continuation = 5}, "there is no chunk 4 in 4");
    refused({-1}, {.prefix = 5, .continuation = 5}, "there is no chunk -1");
    refused({1, 2, 1}, {.prefix = 5, .continuation = 5}, "chunk 1 is named twice");
    refused({1}, {.prefix = 12, .continuation = 10}, "windows have 21 tokens, fewer than 12 and 10 more");
    refused({1}, {.prefix = Index{1} << 62, .continuation = Index{1} << 62}, "windows have 21 tokens");
    refused({1}, {.prefix = 0, .continuation = 5}, "at least 1, not 0, 5");
    refused({1}, {.prefix = 5, .continuation = 0}, "at least 1");
    refused({1}, {.prefix = 5, .continuation = 5, .sequences = 0}, "at least 1");
}

TEST_CASE("positions are evenly spaced, the last always among them", "[memorization]") {
    CHECK(evenly_spaced(11, 3) == std::vector<Index>{0, 5, 10});
    CHECK(evenly_spaced(360, 5) == std::vector<Index>{0, 90, 180, 269, 359});
    CHECK(evenly_spaced(4, 10) == std::vector<Index>{0, 1, 2, 3});
    CHECK(evenly_spaced(4, 1) == std::vector<Index>{3});
    CHECK(evenly_spaced(1, 1) == std::vector<Index>{0});
    CHECK(evenly_spaced(0, 3).empty());
    CHECK(evenly_spaced(5, 0).empty());
    for (Index count = 2; count < 40; ++count) {
        for (Index wanted = 2; wanted <= count; ++wanted) {
            const auto positions = evenly_spaced(count, wanted);
            CHECK(std::ssize(positions) == wanted);
            CHECK(positions.front() == 0);
            CHECK(positions.back() == count - 1);
            CHECK(std::adjacent_find(positions.begin(), positions.end(), std::greater_equal<>()) ==
                  positions.end());
        }
    }
}
