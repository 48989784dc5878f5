// Files of conversations and preferences to examples.
#include "catch.hpp"
#include "support.hpp"

#include <lapidary/data/decoded.hpp>
#include <lapidary/data/tuning_examples.hpp>
#include <lapidary/data/tuning_files.hpp>
#include <lapidary/text/chat_templates.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace lapidary;
using test::TemporaryFolder;
using test::write;

namespace {

const std::filesystem::path chat = std::filesystem::path(LAPIDARY_TEST_DATA) / "data" / "chat";
using Patterns = std::vector<std::string>;

ChatEncoder encoder(const ChatTemplate& form = vicuna_template()) {
    return {form, AnyTokenizer(std::make_shared<const test::ByteTokenizer>())};
}

std::string talk(const std::string& user, const std::string& assistant) {
    return R"({"messages": [{"role": "user", "content": ")" + user + R"("}, {"role": "assistant", "content": ")" +
           assistant + "\"}]}\n";
}
std::string choice(const std::string& prompt, const std::string& chosen, const std::string& rejected) {
    return R"({"prompt": ")" + prompt + R"(", "chosen": ")" + chosen + R"(", "rejected": ")" + rejected + "\"}\n";
}

struct Example {
    Index item;
    ChatTokens tokens;
    bool operator==(const Example& other) const {
        return item == other.item && tokens.ids == other.tokens.ids && tokens.counts == other.tokens.counts;
    }
};

std::vector<Example> examples(const ChatEncoder& by, const std::vector<Conversation>& conversations,
                              const TuningExampleRule& rule, TuningExampleCounts& counts,
                              const std::vector<std::string>& places = {}) {
    std::vector<Example> all;
    counts = encode_conversations(by, conversations, places, rule, [&](Index item, ChatTokens&& tokens) {
        all.push_back({item, std::move(tokens)});
    });
    return all;
}

}  // namespace

TEST_CASE("files of any form, plain and compressed, are read one after the other", "[chat]") {
    const TemporaryFolder folder;
    write(folder / "b.jsonl.gz", test::gzip(talk("b1", "x") + talk("b2", "y")));
    write(folder / "a.json.zst", test::zstd("[" + talk("a1", "x") + "]"));
    write(folder / "c.jsonl", "");
    Index last = 0, total = 0;
    const TuningReadOptions options{.decoding = decoded, .progress = [&](Index done, Index all) {
                                        CHECK(done >= last);
                                        last = done;
                                        total = all;
                                    }};
    const auto records =
        read_conversations({(folder / "*.json*").string(), (chat / "alpaca.jsonl").string()}, {}, options);
    REQUIRE(records.items.size() == 83);
    REQUIRE(records.places.size() == 83);
    CHECK(records.items[0].turns[0].text == "a1");
    CHECK(records.items[2].turns[0].text == "b2");
    CHECK(records.places[2] == (folder / "b.jsonl.gz").string() + ":2 (record 2)");
    REQUIRE(records.inputs.size() == 4);
    for (const TuningInput& input : records.inputs) {
        INFO(input.file);
        CHECK(input.sha256 == sha256_file(input.file));
        CHECK(input.bytes == static_cast<Index>(std::filesystem::file_size(input.file)));
    }
    CHECK(records.inputs[1].json()["taken"] == 2);
    CHECK(records.inputs[2].taken == 0);
    CHECK(records.inputs[3].taken == 80);
    CHECK(records.faults().total() == 0);
    CHECK(last == total);
    CHECK(total > 0);

    CHECK_THROWS_WITH(read_conversations({(folder / "d*").string()}), ContainsSubstring("d*: no such file"));
    // Without `decoded`, a compressed file is no JSON.
    CHECK_THROWS_WITH(read_conversations({(folder / "b.jsonl.gz").string()}), ContainsSubstring("malformed"));
}

TEST_CASE("faulty records and repeated files stop the reading, or are counted by file", "[chat]") {
    const TemporaryFolder folder;
    write(folder / "a", talk("a", "x") + "{\n" + talk("", "x") + talk("b", "y"));
    write(folder / "b", talk("c", "x") + R"({"messages": 3})" + "\n");
    write(folder / "c", test::read(folder / "a"));
    const Patterns all{(folder / "?").string()};
    CHECK_THROWS_WITH(read_conversations({(folder / "a").string()}),
                      ContainsSubstring("a:2 (record 2): malformed: not JSON"));
    CHECK_THROWS_WITH(read_conversations(all), ContainsSubstring("c: has the same contents as"));
    const auto records = read_conversations(all, {}, {.on_bad = BadDocuments::skip});
    CHECK(records.repeated == Patterns{(folder / "c").string()});
    CHECK(records.items.size() == 3);
    CHECK(records.places[1] == (folder / "a").string() + ":4 (record 4)");
    REQUIRE(records.inputs.size() == 2);
    CHECK(records.inputs[0].faults[RecordFault::malformed] == 1);
    CHECK(records.inputs[0].faults[RecordFault::empty_turn] == 1);
    CHECK(records.inputs[1].faults[RecordFault::missing_field] == 1);
    CHECK(records.faults().total() == 3);
    CHECK(records.inputs[1].json()["faults"]["missing_field"] == 1);
    const auto few =
        read_conversations({(folder / "a").string()}, {}, {.on_bad = BadDocuments::skip, .max_record_bytes = 70});
    CHECK(few.faults()[RecordFault::too_long] == 3);
    // A damaged stream is an error in any case.
    write(folder / "d.gz", test::gzip(talk("a", "x")).substr(0, 30));
    CHECK_THROWS_WITH(
        read_conversations({(folder / "d.gz").string()}, {}, {.on_bad = BadDocuments::skip, .decoding = decoded}),
        ContainsSubstring("the stream is cut off"));
}

TEST_CASE("preferences of several files", "[chat]") {
    const TemporaryFolder folder;
    write(folder / "a", choice("p", "yes", "no") + choice("p", "yes", "yes") + choice("q", "a", "b"));
    const auto records = read_preferences({(folder / "a").string()}, {}, {.on_bad = BadDocuments::skip});
    REQUIRE(records.items.size() == 2);
    CHECK(records.items[1].prompt.turns[0].text == "q");
    CHECK(records.faults()[RecordFault::identical] == 1);
    CHECK_THROWS_WITH(read_preferences({(folder / "a").string()}), ContainsSubstring("a:2 (record 2): identical"));

    const ChatEncoder raw = encoder(raw_template());
    std::vector<PreferenceTokens> pairs;
    const auto take = [&](Index item, PreferenceTokens&& tokens) {
        CHECK(item == std::ssize(pairs));
        pairs.push_back(std::move(tokens));
    };
    TuningExampleCounts counts = encode_preferences(raw, records.items, records.places, {}, take);
    REQUIRE(pairs.size() == 2);
    CHECK(pairs[0].chosen.ids == encode_preference(raw, records.items[0]).chosen.ids);
    CHECK(counts.json() == Json{{"items", 2},
                                {"examples", 2},
                                {"dropped_turns", 0},
                                {"misordered", 0},
                                {"ambiguous", 0},
                                {"tokens", 15},
                                {"counted", 11},
                                {"cut", 0}});
    pairs.clear();
    const TuningExampleRule cut{.reply = ReplyLimits{.max_tokens = 3, .max_prompt = 1}};
    counts = encode_preferences(raw, records.items, records.places, cut, take);
    CHECK(counts.tokens == 12);

    std::vector<Preference> odd = records.items;
    odd[0].chosen = "</s>";
    const ChatEncoder vicuna = encoder();
    pairs.clear();
    const auto later = [&](Index item, PreferenceTokens&& tokens) {
        CHECK(item == 1);
        pairs.push_back(std::move(tokens));
    };
    counts = encode_preferences(vicuna, odd, records.places, {}, later);
    CHECK(counts.ambiguous == 1);
    CHECK(counts.examples == 1);
    CHECK(pairs.size() == 1);
    CHECK_THROWS_WITH(encode_preferences(vicuna, odd, records.places, {.on_ambiguous = BadDocuments::fail}, later),
                      ContainsSubstring("a:1 (record 1): ambiguous: its text spells marks of the template"));
    CHECK_THROWS_WITH(encode_preferences(vicuna, odd, {}, {.on_ambiguous = BadDocuments::fail}, later),
                      ContainsSubstring("item 1: ambiguous"));
}

TEST_CASE("conversations become examples, the same by any number of workers", "[chat]") {
    const auto records = read_conversations({(chat / "sharegpt.json").string(), (chat / "alpaca.jsonl").string()});
    REQUIRE(records.items.size() == 200);
    const ChatEncoder by = encoder();
    TuningExampleCounts counts, again;
    const auto whole = examples(by, records.items, {}, counts, records.places);
    REQUIRE(whole.size() == 200);
    Index tokens = 0, counted = 0;
    for (std::size_t i = 0; i < whole.size(); ++i) {
        const ChatTokens expected = by.encode(records.items[i]);
        REQUIRE(whole[i] == Example{static_cast<Index>(i), expected});
        tokens += std::ssize(expected.ids);
        counted += std::count(expected.counts.begin(), expected.counts.end(), 1);
    }
    CHECK(counts.json() == Json{{"items", 200},
                                {"examples", 200},
                                {"dropped_turns", 0},
                                {"misordered", 0},
                                {"ambiguous", 0},
                                {"tokens", tokens},
                                {"counted", counted},
                                {"cut", 0}});
    Index done = 0;
    TuningExampleRule rule{.split = SplitRule{.max_tokens = 100, .keep_last = true}, .workers = 3};
    rule.progress = [&](Index item, Index total) {
        CHECK(item == done + 1);
        CHECK(total == 200);
        done = item;
    };
    const auto pieces = examples(by, records.items, rule, counts);
    CHECK(done == 200);
    CHECK(pieces.size() > 200);
    done = 0;
    rule.workers = 1;
    CHECK(examples(by, records.items, rule, again) == pieces);
    CHECK(again.json() == counts.json());

    const ChatEncoder raw = encoder(raw_template());
    const auto replies = examples(raw, records.items, {.reply = ReplyLimits{}}, counts);
    REQUIRE(replies.size() == 200);
    CHECK(replies[7] == Example{7, encode_reply(raw, records.items[7])});
}

TEST_CASE("ambiguous conversations and misordered pieces are left out and counted", "[chat]") {
    const auto turn = [](ChatRole role, const char* text) { return Turn{.role = role, .text = text}; };
    const std::vector<Conversation> conversations{
        {.turns = {turn(ChatRole::user, "a"), turn(ChatRole::assistant, "b")}},
        {.turns = {turn(ChatRole::user, "a </s> b"), turn(ChatRole::assistant, "c")}},
        {.turns = {turn(ChatRole::assistant, "a"), turn(ChatRole::user, "b")}}};
    TuningExampleCounts counts;
    const auto taken = examples(encoder(), conversations, {}, counts);
    REQUIRE(taken.size() == 1);
    CHECK(taken[0].item == 0);
    CHECK(counts.items == 3);
    CHECK(counts.ambiguous == 1);
    CHECK(counts.misordered == 1);
    const Conversation odd{
        .turns = {turn(ChatRole::user, "a"), turn(ChatRole::assistant, "b"), turn(ChatRole::user, "c")}};
    CHECK(examples(encoder(), {odd}, {.split = SplitRule{}}, counts)[0].tokens.ids == taken[0].tokens.ids);
    CHECK(counts.dropped == 1);
    CHECK_THROWS_WITH(
        examples(encoder(), conversations, {.on_ambiguous = BadDocuments::fail}, counts, {"f:1", "f:2", "f:3"}),
        ContainsSubstring("f:2: ambiguous"));
    CHECK(examples(encoder(raw_template()), {}, {}, counts).empty());
    CHECK_THROWS_WITH(examples(encoder(), conversations, {.workers = 0}, counts), ContainsSubstring("0 threads"));
}

TEST_CASE("the demo's preferences are about its instructions, and choose their answers", "[chat]") {
    const std::filesystem::path demo = std::filesystem::path(LAPIDARY_TEST_DATA).parent_path() / "examples";
    const auto instructions = read_conversations({(demo / "instructions.jsonl").string()});
    const auto preferences = read_preferences({(demo / "preferences.jsonl").string()});
    CHECK(instructions.items.size() == 156);
    CHECK(preferences.items.size() == 40);
    std::map<std::string, std::string> answers;
    for (const Conversation& each : instructions.items) answers[each.turns[0].text] = each.turns[1].text;
    CHECK(answers.size() == instructions.items.size());
    for (const Preference& each : preferences.items) CHECK(answers[each.prompt.turns[0].text] == each.chosen);
    TuningExampleCounts counts;
    for (const ChatTemplate& form : {vicuna_template(), human_assistant_template(), alpaca_template()}) {
        (void)examples(encoder(form), instructions.items, {.on_ambiguous = BadDocuments::fail}, counts);
        CHECK(counts.examples == 156);
    }
}
