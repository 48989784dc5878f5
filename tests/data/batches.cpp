#include "catch.hpp"
#include "support.hpp"

#include <lapidary/data/token_chunks.hpp>

#include <cmath>
#include <set>
#include <vector>

using namespace lapidary;
using test::TemporaryFolder;

namespace {

// 3 chunks of 11 windows; row r of chunk c holds the token 3 r + c, and the i-th held-out window 40 + i.
void write_data(const std::filesystem::path& directory) {
    std::vector<std::vector<std::vector<TokenId>>> chunks(3);
    for (TokenId w = 0; w < 33; ++w) chunks[static_cast<std::size_t>(w % 3)].push_back({w, w, w});
    std::vector<std::vector<TokenId>> held_out;
    for (TokenId i = 40; i < 50; ++i) held_out.push_back({i, i, i});
    test::write_chunks(directory, 100, chunks, held_out);
}

}  // namespace

TEST_CASE("a chunk's batches visit its windows once, in another order each time", "[batches]") {
    const TemporaryFolder folder;
    write_data(folder / "data");
    const TokenChunks chunks{folder / "data", {.batch_size = 4, .seed = 11111}};
    CHECK(chunks.windows_per_chunk() == 11);
    CHECK(chunks.steps_per_chunk() == 2);  // 3 of 11 windows are left out
    CHECK(chunks.steps_per_epoch() == 6);
    std::set<std::vector<Index>> orders;
    for (Index step = 0; step < 24; step += 2) {
        const Batch first = chunks.batch(step);
        const Batch second = chunks.batch(step + 1);
        CHECK(first.step == step);
        CHECK(first.chunk == step / 2 % 3);
        CHECK(first.epoch == step / 6);
        CHECK_FALSE(first.last_in_chunk);
        CHECK(second.last_in_chunk);
        std::vector<Index> order = first.rows;
        order.insert(order.end(), second.rows.begin(), second.rows.end());
        CHECK(std::set<Index>(order.begin(), order.end()).size() == 8);
        CHECK(orders.insert(order).second);
        REQUIRE(first.view().shape == Shape<2>{4, 3});
        for (Index b = 0; b < 4; ++b) {
            const Index row = first.rows[static_cast<std::size_t>(b)];
            for (Index t = 0; t < 3; ++t) CHECK(first.view().at(b)[t] == first.chunk + 3 * row);
        }
    }
    const TokenChunks whole{folder / "data", {.batch_size = 11}};
    std::set<std::int32_t> tokens;
    for (Index step = 0; step < 3; ++step) {
        for (std::int32_t token : whole.batch(step).tokens) tokens.insert(token);
    }
    CHECK(tokens.size() == 33);
    CHECK(*tokens.rbegin() == 32);
}

TEST_CASE("a batch does not depend on what was asked before", "[batches]") {
    const TemporaryFolder folder;
    write_data(folder / "data");
    const TokenChunks forward{folder / "data", {.batch_size = 3}};
    std::vector<Batch> batches;
    for (Index step = 0; step < 20; ++step) batches.push_back(forward.batch(step));
    const TokenChunks fresh{folder / "data", {.batch_size = 5, .seed = 1}};
    for (Index step = 19; step >= 0; --step) {
        const Batch again = fresh.batch(step, 3, 11111);
        CHECK(again.tokens == batches[static_cast<std::size_t>(step)].tokens);
        CHECK(again.rows == batches[static_cast<std::size_t>(step)].rows);
    }
    CHECK(fresh.batch(0, 3, 2).rows != batches[0].rows);
    // Fixed for good: a published run is replayed with these numbers.
    CHECK(batches[0].rows == std::vector<Index>{9, 8, 6});
    CHECK(batches[19].rows == std::vector<Index>{7, 1, 2});
}

TEST_CASE("held-out batches come in order and the last may be short", "[batches]") {
    const TemporaryFolder folder;
    write_data(folder / "data");
    const TokenChunks chunks{folder / "data", {.batch_size = 3}};
    const Index count = chunks.validation_windows();
    REQUIRE(count > 5);
    Index seen = 0;
    for (Index i = 0; i < ceil_div(count, 4); ++i) {
        const Batch batch = chunks.validation_batch(i, 4);
        CHECK(batch.batch == std::min<Index>(4, count - seen));
        CHECK(batch.view().shape == Shape<2>{batch.batch, 3});
        for (Index b = 0; b < batch.batch; ++b) CHECK(batch.view().at(b)[0] == 40 + seen++);
    }
    CHECK(seen == count);
    CHECK_THROWS_AS(chunks.validation_batch(ceil_div(count, 4), 4), Error);
    CHECK_THROWS_AS(chunks.validation_batch(-1, 4), Error);
    CHECK_THROWS_AS(chunks.validation_batch(0, 0), Error);
}

TEST_CASE("a batch says where documents begin, if it is asked to", "[batches]") {
    const TemporaryFolder folder;
    std::vector<std::vector<TokenId>> windows, held_out;
    for (int w = 0; w < 40; ++w) {
        (w < 30 ? windows : held_out)
            .push_back(w % 2 == 0 ? std::vector<TokenId>{9, 2, 2, 7, 8, 2}
                                  : std::vector<TokenId>{5, 6, 7, 8, 2, 9});
    }
    test::write_chunks(folder / "data", 100, {windows}, held_out);
    const TokenChunks together{folder / "data", {.batch_size = 4}},
        apart{folder / "data", {.batch_size = 4, .separate_documents = true}};
    const auto check = [](const Batch& batch, const Batch& plain) {
        CHECK(batch.tokens == plain.tokens);
        CHECK(plain.starts.empty());
        CHECK(plain.starts_view().shape == Shape<2>{plain.batch, 0});
        REQUIRE(batch.starts_view().shape == Shape<2>{batch.batch, 5});
        for (Index b = 0; b < batch.batch; ++b) {
            const auto row = batch.starts_view().at(b);
            CHECK(std::vector<std::int32_t>(row.begin(), row.end()) ==
                  (batch.view().at(b)[0] == 9 ? std::vector{0, 0, 2, 3, 3} : std::vector{0, 0, 0, 0, 0}));
        }
    };
    for (Index step = 0; step < together.steps_per_epoch(); ++step) check(apart.batch(step), together.batch(step));
    REQUIRE(together.validation_windows() > 4);
    check(apart.validation_batch(0, 3), together.validation_batch(0, 3));
}

TEST_CASE("impossible batches are refused", "[batches]") {
    const TemporaryFolder folder;
    write_data(folder / "data");
    CHECK_THROWS_WITH((TokenChunks{folder / "data", {.batch_size = 12}}),
                      ContainsSubstring("a batch of 12 windows, a chunk has 11"));
    CHECK_THROWS_AS((TokenChunks{folder / "data", {.batch_size = 0}}), Error);
    const TokenChunks chunks{folder / "data", {.batch_size = 1}};
    CHECK_THROWS_AS(chunks.batch(-1), Error);
    CHECK_THROWS_AS(chunks.chunk(3), Error);
    CHECK_THROWS_AS(chunks.chunk(0).origin(11), Error);
}

TEST_CASE("unigram entropies are those of the counts", "[batches]") {
    const TemporaryFolder folder;
    write_data(folder / "data");
    const TokenChunks chunks{folder / "data", {.batch_size = 1}};
    CHECK(chunks.unigram_entropy() == Approx(std::log(33.0)));
    // 33 tokens seen 3 times each; the held-out ones never, so each has probability 1 / (99 + 100).
    CHECK(chunks.unigram_cross_entropy() == Approx(std::log(199.0)));
}
