// Pairs as windows, batches without their padding, and the order of epochs.
#include "catch.hpp"

#include <lapidary/data/chat_windows.hpp>
#include <lapidary/data/epoch_order.hpp>
#include <lapidary/data/preference_windows.hpp>
#include <lapidary/data/trim_padding.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace lapidary;

namespace {

/// Ids of letters; capitals count.
ChatTokens example(std::string_view letters) {
    ChatTokens tokens;
    for (const char letter : letters) {
        tokens.ids.push_back(letter + 3);
        tokens.counts.push_back(letter >= 'A' && letter <= 'Z' ? 1 : 0);
    }
    return tokens;
}
PreferenceTokens pair(std::string_view chosen, std::string_view rejected) {
    return {.chosen = example(chosen), .rejected = example(rejected)};
}

/// A row a string: its ids as letters, `.` for the pad id 0, its mask, and its starts.
std::vector<std::string> written(const Batch& batch) {
    const auto width = static_cast<std::size_t>(batch.context), rows = static_cast<std::size_t>(batch.batch);
    REQUIRE(batch.tokens.size() == rows * (width + 1));
    REQUIRE(batch.mask.size() == rows * width);
    REQUIRE(batch.rows.size() == rows);
    REQUIRE((batch.starts.empty() || batch.starts.size() == rows * width));
    std::vector<std::string> all;
    for (std::size_t b = 0; b < rows; ++b) {
        std::string text;
        for (std::size_t i = 0; i <= width; ++i) {
            const std::int32_t id = batch.tokens[b * (width + 1) + i];
            text += id == 0 ? '.' : static_cast<char>(id - 3);
        }
        text += ' ';
        for (std::size_t i = 0; i < width; ++i) text += batch.mask[b * width + i] != 0 ? '1' : '0';
        for (std::size_t i = 0; i < width && !batch.starts.empty(); ++i) {
            text += (i == 0 ? " " : "") + std::to_string(batch.starts[b * width + i]);
        }
        all.push_back(text);
    }
    return all;
}
using Rows = std::vector<std::string>;
using Indices = std::vector<Index>;

Batch masked(std::vector<std::string> masks) {
    Batch batch;
    batch.batch = static_cast<Index>(masks.size());
    batch.context = static_cast<Index>(masks[0].size());
    batch.rows.resize(masks.size());
    std::int32_t next = 0;
    for (const std::string& mask : masks) {
        for (std::size_t i = 0; i <= mask.size(); ++i) batch.tokens.push_back('a' + 3 + next++);
        for (const char c : mask) batch.mask.push_back(c == '1' ? 1 : 0);
    }
    return batch;
}

}  // namespace

TEST_CASE("a pair is two rows, the answer chosen first", "[chat]") {
    PreferenceWindows windows({.context = 5});
    CHECK(windows.add(pair("abC", "abDE")));
    CHECK(windows.add(pair("pQRSTU", "pX")));
    CHECK(windows.add(pair("aBCDEFG", "aBCDEX")));
    CHECK(windows.size() == 3);
    CHECK(windows.counts().cut == 1);
    const Batch batch = windows.batch(Indices{1, 0, 2});
    CHECK(batch.context == 5);
    CHECK(batch.rows == Indices{2, 3, 0, 1, 4, 5});
    CHECK(written(batch) ==
          Rows{"pQRSTU 11111", "pX.... 10000", "abC... 01000", "abDE.. 01100", "aBCDEF 11111", "aBCDEX 11111"});
    PreferenceWindows padded({.context = 2, .pad = 'z' + 3});
    CHECK(padded.add(pair("aB", "aC")));
    CHECK(written(padded.batch(Indices{0})) == Rows{"aBz 10", "aCz 10"});
    CHECK(windows.batch({}).batch == 0);
    CHECK_THROWS_WITH(windows.batch(Indices{3}), ContainsSubstring("pair 3 of 3"));
    CHECK_THROWS_WITH(windows.batch(Indices{-1}), ContainsSubstring("pair -1 of 3"));
    CHECK_THROWS_WITH(PreferenceWindows({.context = 0}), ContainsSubstring("a context of 0 tokens"));
}

TEST_CASE("pairs that teach nothing are left out and counted", "[chat]") {
    PreferenceWindows windows({.context = 3});
    CHECK_FALSE(windows.add(pair("aBCDE", "aBCDX")));  // the same, cut to four tokens
    CHECK(windows.add(pair("aBCD", "aBC")));
    CHECK_FALSE(windows.add(pair("abcdE", "abcF")));  // nothing counts where it is cut
    CHECK_FALSE(windows.add(pair("aB", "ab")));
    CHECK_FALSE(windows.add(pair("A", "aB")));  // a first token is no label
    CHECK_FALSE(windows.add(pair("", "aB")));
    CHECK_FALSE(windows.add(pair("", "")));
    PreferenceTokens odd = pair("aB", "aC");
    odd.rejected.ambiguous = true;
    CHECK_FALSE(windows.add(odd));
    CHECK(windows.counts().json() ==
          Json{{"taken", 1}, {"ambiguous", 1}, {"identical", 2}, {"silent", 4}, {"cut", 0}});
    CHECK(windows.counts().left_out() == 7);
    CHECK(written(windows.batch(Indices{0})) == Rows{"aBCD 111", "aBC. 110"});
}

TEST_CASE("padding is cut, down to a multiple and never what counts", "[chat]") {
    const auto context = [](const std::vector<std::string>& masks, Index multiple) {
        return trim_padding(masked(masks), multiple).context;
    };
    CHECK(context({"1100000000"}, 1) == 2);
    CHECK(context({"1100000000", "0010000000"}, 1) == 3);
    CHECK(context({"0010000000", "1100000000"}, 1) == 3);
    CHECK(context({"1100000000"}, 4) == 4);
    CHECK(context({"1111000000"}, 4) == 4);
    CHECK(context({"1111100000"}, 4) == 8);
    CHECK(context({"0000000010"}, 4) == 10);  // 12 is more than there is
    CHECK(context({"0000000000"}, 4) == 4);
    CHECK(context({"0000000000"}, 32) == 10);
    CHECK(written(trim_padding(masked({"10100", "01000"}), 1)) == Rows{"abcd 101", "ghij 010"});
    CHECK_THROWS_WITH(trim_padding(masked({"1"}), 0), ContainsSubstring("a multiple of 0"));

    Batch all = masked({"100"});
    all.mask.clear();  // all labels count
    CHECK(trim_padding(all, 1).tokens == all.tokens);
    Batch none;
    none.context = 3;
    CHECK(trim_padding(none, 1).context == 3);

    ChatWindows windows({.context = 8, .packing = Packing::whole, .apart = true});
    for (const char* letters : {"aBC", "dE", "xYZWV", "kL"}) windows.add(example(letters));
    windows.finish();
    const Batch batch = windows.batch(Indices{0, 1});
    CHECK(written(batch) == Rows{"aBCdE.... 11010000 00033555", "xYZWVkL.. 11110100 00000557"});
    CHECK(written(trim_padding(batch, 1)) == Rows{"aBCdE.. 110100 000335", "xYZWVkL 111101 000005"});
}

TEST_CASE("trimming keeps every label that counts, of any batch", "[chat]") {
    for (std::uint64_t item = 0; item < 200; ++item) {
        const Philox random(1, "masks", item);
        const auto draw = [&](std::uint64_t element, Index n) {
            return static_cast<Index>(random.integer(element) % static_cast<std::uint64_t>(n));
        };
        const Index rows = 1 + draw(0, 4), columns = 1 + draw(1, 40), multiple = 1 + draw(2, 9);
        std::vector<std::string> masks;
        std::uint64_t element = 3;
        for (Index b = 0; b < rows; ++b) {
            const Index filled = draw(element++, columns + 1);
            std::string mask(static_cast<std::size_t>(columns), '0');
            for (Index t = 0; t < filled; ++t)
                mask[static_cast<std::size_t>(t)] = draw(element++, 2) == 0 ? '1' : '0';
            masks.push_back(mask);
        }
        const Batch before = masked(masks), after = trim_padding(before, multiple);
        INFO("masks of batch " << item);
        REQUIRE(after.batch == rows);
        CHECK((after.context == columns || after.context % multiple == 0));
        CHECK(std::count(after.mask.begin(), after.mask.end(), 1) ==
              std::count(before.mask.begin(), before.mask.end(), 1));
        bool needed = after.context <= multiple;  // one multiple less would lose a label
        for (Index b = 0; b < rows; ++b) {
            for (Index t = 0; t < after.context; ++t) {
                CHECK(after.mask_view().at(b)[t] == before.mask_view().at(b)[t]);
                CHECK(after.view().at(b)[t + 1] == before.view().at(b)[t + 1]);
                needed =
                    needed || (t >= (after.context - 1) / multiple * multiple && after.mask_view().at(b)[t] != 0);
            }
        }
        CHECK(needed);
    }
}

TEST_CASE("epochs lie end to end, each in an order of its own", "[chat]") {
    const EpochOrder order(10, {.batch = 4, .held_out = 3, .seed = 5});
    CHECK(order.size() == 7);
    REQUIRE(order.held_out().size() == 3);
    Indices seen;
    for (Index step = 0; step < 7; ++step) {  // four epochs
        const Indices items = order(step);
        CHECK(items.size() == 4);
        CHECK(order(step) == items);
        seen.insert(seen.end(), items.begin(), items.end());
    }
    std::set<Indices> orders;
    for (std::size_t epoch = 0; epoch < 4; ++epoch) {
        const auto begin = seen.begin() + static_cast<std::ptrdiff_t>(7 * epoch);
        Indices items(begin, begin + 7);
        orders.insert(items);
        items.insert(items.end(), order.held_out().begin(), order.held_out().end());
        std::sort(items.begin(), items.end());
        Indices all(10);
        std::iota(all.begin(), all.end(), Index{0});
        CHECK(items == all);
    }
    CHECK(orders.size() == 4);

    Indices epochs, ends;
    for (Index step = 0; step < 7; ++step) {
        epochs.push_back(order.epoch(step));
        if (order.ends_epoch(step)) ends.push_back(step);
    }
    CHECK(epochs == Indices{0, 0, 1, 1, 2, 2, 3});
    CHECK(ends == Indices{1, 3, 5, 6});
    CHECK(EpochOrder(10, {.batch = 4, .held_out = 3, .seed = 6})(0) != order(0));
    CHECK(EpochOrder(10, {.batch = 4, .held_out = 3, .seed = 6}).held_out() != order.held_out());

    const EpochOrder large(3, {.batch = 8});  // a step of more than two epochs
    Indices counts(3);
    for (const Index item : large(0)) ++counts[static_cast<std::size_t>(item)];
    std::sort(counts.begin(), counts.end());
    CHECK(counts == Indices{2, 3, 3});
    CHECK(large.ends_epoch(0));
    CHECK(large.held_out().empty());
}

TEST_CASE("epochs hold whole steps, and at least one", "[chat]") {
    CHECK(epoch_steps(10, 4, 1) == 2);
    CHECK(epoch_steps(10, 4, 2) == 5);
    CHECK(epoch_steps(3, 4, 1) == 1);
    CHECK(EpochOrder(10, {.batch = 4, .held_out = 3}).steps(3) == 5);
    CHECK_THROWS_WITH(epoch_steps(0, 4, 1), ContainsSubstring("1 epochs of 0 items"));
    CHECK_THROWS_WITH(epoch_steps(1, 0, 1), ContainsSubstring("0 a step"));
    const Index most = std::numeric_limits<Index>::max();
    CHECK(epoch_steps(2, 2, most / 2) == most / 2);
    CHECK_THROWS_WITH(epoch_steps(2, 2, most / 2 + 1), ContainsSubstring("of 2 items are too many to count"));
    CHECK_THROWS_WITH(epoch_steps(1, 1, 0), ContainsSubstring("0 epochs"));
    CHECK_THROWS_WITH(EpochOrder(0, {}), ContainsSubstring("of 0 items"));
    CHECK_THROWS_WITH(EpochOrder(3, {.held_out = 3}), ContainsSubstring("of 0 items"));
    CHECK_THROWS_WITH(EpochOrder(3, {.held_out = 4}), ContainsSubstring("4 windows, there are 3"));
    CHECK_THROWS_WITH(EpochOrder(3, {.held_out = -1}), ContainsSubstring("-1 items held out"));
    CHECK_THROWS_AS(EpochOrder(3, {})(-1), Error);
}
