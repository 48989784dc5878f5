#include "catch.hpp"
#include "support.hpp"

#include <lapidary/data/chat_windows.hpp>
#include <lapidary/data/preference_tokens.hpp>
#include <lapidary/data/split_conversation.hpp>
#include <lapidary/text/chat_templates.hpp>

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

using namespace lapidary;

namespace {

AnyTokenizer bytes() { return AnyTokenizer(std::make_shared<const test::ByteTokenizer>()); }

/// Ids of letters; capitals count.
ChatTokens example(std::string_view letters) {
    ChatTokens tokens;
    for (const char letter : letters) {
        tokens.ids.push_back(letter + 3);
        tokens.counts.push_back(letter >= 'A' && letter <= 'Z' ? 1 : 0);
    }
    return tokens;
}

/// A window as letters, `.` for the pad id 0, then its mask, and its starts.
std::vector<std::string> written(const ChatWindows& windows) {
    std::vector<Index> rows(static_cast<std::size_t>(windows.size()));
    std::iota(rows.begin(), rows.end(), Index{0});
    const Batch batch = windows.batch(rows);
    CHECK(batch.batch == windows.size());
    CHECK(batch.rows == rows);
    const auto width = static_cast<std::size_t>(batch.context);
    REQUIRE(batch.tokens.size() == rows.size() * (width + 1));
    REQUIRE(batch.mask.size() == rows.size() * width);
    std::vector<std::string> all;
    for (std::size_t b = 0; b < rows.size(); ++b) {
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

std::vector<std::string> packed(const ChatWindowRule& rule, const std::vector<std::string>& examples,
                                Index lost = 0, Index silent = 0) {
    ChatWindows windows(rule);
    for (const std::string& letters : examples) windows.add(example(letters));
    windows.finish();
    CHECK(windows.lost_tokens() == lost);
    CHECK(windows.silent_windows() == silent);
    return written(windows);
}

using Rows = std::vector<std::string>;

Conversation talk(const std::vector<int>& lengths) {
    Conversation conversation;
    for (const int length : lengths) {
        const ChatRole role = conversation.turns.size() % 2 == 0 ? ChatRole::user : ChatRole::assistant;
        conversation.turns.push_back({.role = role, .text = std::string(static_cast<std::size_t>(length), 'x')});
    }
    return conversation;
}

/// How many turns each piece has.
std::vector<std::size_t> pieces(const std::vector<int>& lengths, const SplitRule& rule) {
    const Conversation whole = talk(lengths);
    std::vector<std::size_t> turns;
    for (const Conversation& piece : split_conversation(whole, bytes(), rule)) turns.push_back(piece.turns.size());
    return turns;
}
using Turns = std::vector<std::size_t>;

}  // namespace

TEST_CASE("an example a window: cut to T tokens, padded behind", "[chat]") {
    const ChatWindowRule rule{.context = 5};
    CHECK(packed(rule, {"abC", "aBCDE", "abCDEFG", "", "A", "ab"}, 2, 2) ==
          Rows{"abC... 01000", "aBCDE. 11110", "abCDE. 01110"});
    CHECK(packed({.context = 5, .pad = 'z' + 3}, {"aB"}) == Rows{"aBzzzz 10000"});
    CHECK(packed({.context = 3, .drop_silent = false}, {"ab", "A"}) == Rows{"ab.. 000", "A... 000"});
    CHECK(packed({.context = 4, .apart = true}, {"aBC"}) == Rows{"aBC.. 1100 0003"});
    CHECK(packed(rule, {}).empty());
    CHECK_THROWS_WITH(ChatWindows({.context = 0}), ContainsSubstring("a context of 0 tokens"));
}

TEST_CASE("whole examples share a window as long as they fit", "[chat]") {
    const ChatWindowRule rule{.context = 6, .packing = Packing::whole};
    CHECK(packed(rule, {"aBC", "abCD", "xY", "aBCDEFGH", "pQ"}, 1) ==
          Rows{"aBCabCD 110011", "xY..... 100000", "aBCDEFG 111111", "pQ..... 100000"});
    ChatWindowRule apart = rule;
    apart.apart = true;
    CHECK(packed(apart, {"aBC", "ABCD", "xY", "AB"}) == Rows{"aBCABCD 110111 000333", "xYAB... 101000 002244"});
    CHECK(packed(rule, {"aBC", "ABCD"}) == Rows{"aBCABCD 111111"});
}

TEST_CASE("examples end to end, cut every T + 1 tokens", "[chat]") {
    const ChatWindowRule rule{.context = 3, .packing = Packing::cut};
    CHECK(packed(rule, {"aB", "cdeFGHIJk", "xY"}, 1) == Rows{"aBcd 100", "eFGH 111", "IJkx 100"});
    CHECK(packed(rule, {"abcde", "Fghi", "jKlm"}, 1, 1) == Rows{"eFgh 100", "ijKl 010"});
    ChatWindowRule apart = rule;
    apart.apart = true;
    CHECK(packed(apart, {"aB", "CdeFGHIJk", "XYZ"}, 2) == Rows{"aBCd 100 002", "eFGH 111 000", "IJkX 100 000"});
    CHECK(packed(rule, {"aBc"}, 3).empty());
}

TEST_CASE("windows come in any order, and none that is not there", "[chat]") {
    ChatWindows windows({.context = 2});
    for (const char* letters : {"aB", "cD", "eF"}) windows.add(example(letters));
    windows.finish();
    const Batch batch = windows.batch(std::vector<Index>{2, 0});
    CHECK(batch.tokens == std::vector<std::int32_t>{'e' + 3, 'F' + 3, 0, 'a' + 3, 'B' + 3, 0});
    CHECK(batch.mask == std::vector<std::uint8_t>{1, 0, 1, 0});
    CHECK(batch.rows == std::vector<Index>{2, 0});
    CHECK_THROWS_WITH(windows.batch(std::vector<Index>{3}), ContainsSubstring("window 3 of 3"));
    CHECK_THROWS_WITH(windows.batch(std::vector<Index>{-1}), ContainsSubstring("window -1 of 3"));
}

TEST_CASE("long conversations are cut between pairs of turns", "[chat]") {
    const SplitRule rule{.max_tokens = 40, .more_per_turn = 5};
    CHECK(pieces({5, 5}, rule) == Turns{2});
    CHECK(pieces({5, 5, 5, 5}, rule) == Turns{4});     // 40 tokens
    CHECK(pieces({5, 5, 5, 5, 9}, rule) == Turns{4});  // the odd one goes
    CHECK(pieces({5, 5, 5, 5, 5, 5, 5, 5}, rule) == Turns{4, 4});
    CHECK(pieces({5, 5, 5, 6, 5, 5}, rule) == Turns{2, 2});  // and the last pair, behind a full piece
    CHECK(pieces({5, 5, 5, 6}, rule) == Turns{2});
    CHECK(pieces({50, 5, 5, 5, 5, 5}, rule) == Turns{2, 4});  // too long for any piece
    CHECK(pieces({5, 5, 50, 5, 5, 5, 5, 5}, rule) == Turns{2, 2, 4});
    CHECK(pieces({50, 5}, rule).empty());
    CHECK(pieces({5}, rule).empty());
    CHECK(pieces({}, rule).empty());
    SplitRule keep = rule;
    keep.keep_last = true;
    CHECK(pieces({5, 5, 5, 6}, keep) == Turns{2, 2});
    CHECK(pieces({50, 5}, keep) == Turns{2});
    Conversation conversation = talk({5, 5, 5, 5, 5, 5});
    conversation.system = "xx";
    conversation.turns[0].input = "y";
    std::vector<Conversation> split = split_conversation(conversation, bytes(), rule);  // the input is of its turn
    REQUIRE(split.size() == 2);
    CHECK(split[0].turns.size() == 2);
    CHECK(split[1].turns == std::vector<Turn>(conversation.turns.begin() + 2, conversation.turns.end()));
    CHECK(split[1].system == "xx");
    keep.count_system = true;
    split = split_conversation(conversation, bytes(), keep);
    CHECK(split.size() == 3);
}

TEST_CASE("prompt and reply are cut as for AmberSafe", "[chat]") {
    const ChatEncoder encoder(raw_template(), bytes());
    const Preference preference{
        .prompt = {.turns = {{.role = ChatRole::user, .text = "abcdef"}}}, .chosen = "CHOSEN", .rejected = "NO"};
    const auto spelled = [](const ChatTokens& tokens) {
        std::string text = test::spell(tokens.ids);
        REQUIRE(tokens.counts.size() == tokens.ids.size());
        for (std::size_t i = 0; i < text.size(); ++i) {
            CHECK((tokens.counts[i] != 0) == (static_cast<Index>(i) >= tokens.reply));
        }
        return text;
    };
    const auto both = [&](const ReplyLimits& limits) {
        const PreferenceTokens tokens = encode_preference(encoder, preference, limits);
        return spelled(tokens.chosen) + " " + spelled(tokens.rejected);
    };
    CHECK(both({}) == "abcdefCHOSEN| abcdefNO|");
    CHECK(both({.max_tokens = 13, .max_prompt = 4}) == "abcdefCHOSEN| abcdefNO|");
    CHECK(both({.max_tokens = 12, .max_prompt = 4}) == "abcdCHOSEN| abcdNO|");  // both for the longer one
    CHECK(both({.max_tokens = 12, .max_prompt = 4, .keep_prompt_start = false}) == "cdefCHOSEN| cdefNO|");
    CHECK(both({.max_tokens = 8, .max_prompt = 5}) == "abcdeCHO abcdeNO|");
    CHECK(both({.max_tokens = 12, .max_prompt = 9}) == "abcdefCHO abcdefNO|");
    // A reply alone is cut by its own length; of two rounds only the last one counts.
    const ReplyLimits limits{.max_tokens = 9, .max_prompt = 4};
    CHECK(spelled(encode_reply(encoder, preference.answered(false), limits)) == "abcdefNO|");
    const ChatEncoder vicuna(vicuna_template(), bytes());
    const Conversation rounds{.system = "s",
                              .turns = {{.role = ChatRole::user, .text = "a"},
                                        {.role = ChatRole::assistant, .text = "b"},
                                        {.role = ChatRole::user, .text = "c"},
                                        {.role = ChatRole::assistant, .text = "d"}}};
    const ChatTokens last = encode_reply(vicuna, rounds);
    CHECK(test::spell(std::vector<TokenId>(last.ids.begin() + last.reply, last.ids.end())) == " d|");
    CHECK(std::count(last.counts.begin(), last.counts.end(), 1) == 3);
}
