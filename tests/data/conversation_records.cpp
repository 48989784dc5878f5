#include "catch.hpp"
#include "support.hpp"

#include <lapidary/data/decoded.hpp>
#include <lapidary/data/json_records.hpp>
#include <lapidary/data/record_reader.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace lapidary;
using test::TemporaryFolder;

namespace {

/// A source that gives one byte at a time.
class Drip final : public ByteSource {
public:
    explicit Drip(std::string text) : text_(std::move(text)) {}
    std::size_t read(std::span<char> buffer) override {
        if (position_ == text_.size()) return 0;
        buffer[0] = text_[position_++];
        return 1;
    }
    [[nodiscard]] std::uint64_t consumed() const override { return position_; }

private:
    std::string text_;
    std::size_t position_ = 0;
};

/// The records of a text, each with its place, or what was refused.
std::string records(const std::string& text, std::size_t limit = 100) {
    JsonRecords source(std::make_unique<Drip>(text), "f", limit);
    std::string found;
    std::string record;
    try {
        for (;;) {
            const auto kind = source.read(record);
            if (kind == JsonRecords::Found::end) return found;
            found += (kind == JsonRecords::Found::record ? record : "TOO LONG") + "@" + source.where() + "; ";
        }
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::format);
        return found + error.what();
    }
}

template <class Reader>
auto all(Reader&& reader) {
    std::vector<Preference> items;
    for (Preference item; reader.next(item);) items.push_back(item);
    return items;
}

/// Of a file of one bad record between two good ones: the fault's count when it is skipped, and the error.
template <class Open>
std::pair<Index, std::string> fault_in(const Open& open, const std::string& good, const std::string& bad,
                                       RecordFault fault) {
    const TemporaryFolder folder;
    test::write(folder / "f.jsonl", good + "\n" + bad + "\n" + good + "\n");
    test::write(folder / "f.json", "[\n" + good + ",\n" + bad + ",\n" + good + "]\n");
    Index counted = -1;
    std::string message;
    for (const char* name : {"f.jsonl", "f.json"}) {
        auto reader = open(folder / name, BadDocuments::skip);
        typename decltype(reader)::Item item;
        while (reader.next(item)) {
        }
        CHECK(reader.taken() == 2);
        CHECK(reader.faults().total() == 1);
        counted = reader.faults()[fault];
        auto strict = open(folder / name, BadDocuments::fail);
        try {
            while (strict.next(item)) {
            }
            message = "accepted";
        } catch (const Error& error) {
            CHECK(error.code() == ErrorCode::format);
            message = error.what();
            const bool line_two = std::string_view(name) == "f.jsonl";
            CHECK_THAT(message,
                       ContainsSubstring((folder / name).string() + (line_two ? ":2" : ":3") + " (record 2)"));
        }
    }
    return {counted, message};
}

const auto conversations = [](const std::filesystem::path& file, BadDocuments on_bad) {
    return open_conversations(file, {}, on_bad);
};
const auto preferences = [](const std::filesystem::path& file, BadDocuments on_bad) {
    return open_preferences(file, {}, on_bad);
};

std::string turns(const std::string& list) { return R"({"id": "x", "conversations": [)" + list + "]}"; }
const std::string good_turns = turns(R"({"from":"human","value":"a"},{"from":"gpt","value":"b"})");

}  // namespace

TEST_CASE("records are the elements of an array or the lines of a file", "[records]") {
    CHECK(records("{\"a\":1}\n\n \t\r\n {\"b\": [2]} \n[3") ==
          "{\"a\":1}@f:1 (record 1); {\"b\": [2]} @f:4 (record 2); [3@f:5 (record 3); ");
    CHECK(records(" \n[ {\"a\": \"]},\\\"\\\\\"},\n[1,\n{}] ,\n\n  7, \"x\\\"]\",null\n]\n ") ==
          "{\"a\": \"]},\\\"\\\\\"}@f:2 (record 1); [1,\n{}]@f:3 (record 2); 7@f:6 (record 3); "
          "\"x\\\"]\"@f:6 (record 4); null@f:6 (record 5); ");
    CHECK(records("").empty());
    CHECK(records(" \n ").empty());
    CHECK(records("[]").empty());
    CHECK(records("[ \n]\n").empty());
}

TEST_CASE("a record that is too long is passed over", "[records]") {
    CHECK(records("123456\n12345\n", 5) == "TOO LONG@f:1 (record 1); 12345@f:2 (record 2); ");
    CHECK(records("[\"1234\", {\"a\":[1]},123456 , 1]", 5) ==
          "TOO LONG@f:1 (record 1); TOO LONG@f:1 (record 2); TOO LONG@f:1 (record 3); 1@f:1 (record 4); ");
}

TEST_CASE("a damaged array is refused where the damage is", "[records]") {
    CHECK_THAT(records("[1\n,{\"a\":2}"), ContainsSubstring("f:2: the file ends, behind 2 records"));
    CHECK_THAT(records("[1,\n{\"a\":2"),
               ContainsSubstring("f:2: the file ends within a record, behind 1 records"));
    CHECK_THAT(records("[\"a"), ContainsSubstring("the file ends within a record, behind 0 records"));
    CHECK_THAT(records("[{}\n{}]"), ContainsSubstring("f:2: expected a comma, behind 1 records"));
    CHECK_THAT(records("[{},]"), ContainsSubstring("expected a record"));
    CHECK_THAT(records("[,{}]"), ContainsSubstring("expected a record"));
    CHECK_THAT(records("[}"), ContainsSubstring("expected a record"));
    CHECK_THAT(records("[{}]\n\nx"), ContainsSubstring("f:3: something follows the array"));
    CHECK_THAT(records("["), ContainsSubstring("the file ends"));
    CHECK_THAT(records("[1}"), ContainsSubstring("the file ends within a record"));
}

TEST_CASE("conversations come out of ShareGPT's, Alpaca's and the usual form", "[records]") {
    const TemporaryFolder folder;
    const std::string lines =
        "{\"id\":1,\"conversations\":[{\"from\":\"system\",\"value\":\"s\"},{\"from\":\"human\",\"value\":"
        "\"a\\u00e4\"},"
        "{\"from\":\"gpt\",\"value\":\" b\\n\"},{\"from\":\"human\",\"value\":\"c\"}]}\n"
        "{\"instruction\":\"i\",\"input\":\"x\",\"output\":\"o\"}\n{\"instruction\":\"i\",\"output\":\"o\"}\n"
        "{\"messages\":[{\"role\":\"user\",\"content\":\"u\"},{\"role\":\"assistant\",\"content\":\"v\"}]}\n";
    test::write(folder / "a.jsonl", lines);
    test::write(folder / "b.jsonl.gz", test::gzip(lines));
    std::string array = "[" + lines;
    for (std::size_t at = array.find("}\n{"); at != std::string::npos; at = array.find("}\n{")) {
        array.replace(at, 3, "},\n{");
    }
    test::write(folder / "c.json.zst", test::zstd(array + "]"));
    const Turn u{.role = ChatRole::user, .text = "i"}, o{.role = ChatRole::assistant, .text = "o"};
    const std::vector<Conversation> expected{
        {.system = "s",
         .turns = {{.role = ChatRole::user, .text = "a\xC3\xA4"},
                   {.role = ChatRole::assistant, .text = " b\n"},
                   {.role = ChatRole::user, .text = "c"}}},
        {.turns = {{.role = ChatRole::user, .text = "i", .input = "x"}, o}},
        {.turns = {u, o}},
        {.turns = {{.role = ChatRole::user, .text = "u"}, {.role = ChatRole::assistant, .text = "v"}}}};
    for (const char* name : {"a.jsonl", "b.jsonl.gz", "c.json.zst"}) {
        CAPTURE(name);
        auto reader = open_conversations(folder / name, {}, BadDocuments::fail, decoded);
        std::vector<Conversation> found;
        for (Conversation conversation; reader.next(conversation);) found.push_back(conversation);
        CHECK(found == expected);
        CHECK(reader.taken() == 4);
        CHECK(reader.faults().total() == 0);
        CHECK(reader.consumed() == std::filesystem::file_size(folder / name));
    }
}

TEST_CASE("without checks turns stay as they are", "[records]") {
    const TemporaryFolder folder;
    test::write(folder / "f",
                turns(R"({"from":"system","value":"s"},{"from":"user","value":" "},{"from":"bing","value":""})"));
    auto reader = open_conversations(folder / "f", {.roles = {.user = {"human"}}, .check = false});
    Conversation conversation;
    REQUIRE(reader.next(conversation));
    CHECK_FALSE(conversation.system);
    REQUIRE(conversation.turns.size() == 3);
    CHECK(conversation.turns[0].role == ChatRole::system);
    CHECK(conversation.turns[1].role == ChatRole::other);
    CHECK(conversation.turns[1].text == " ");
    CHECK(conversation.turns[2].role == ChatRole::other);
    CHECK_FALSE(reader.next(conversation));
}

TEST_CASE("faulty conversations are refused by name and place, or counted", "[records]") {
    const auto fault = [](const std::string& bad, RecordFault kind, const std::string& message) {
        CAPTURE(bad);
        const auto [counted, error] = fault_in(conversations, good_turns, bad, kind);
        CHECK(counted == 1);
        CHECK_THAT(error, ContainsSubstring(message));
    };
    fault(R"({"conversations": nul})", RecordFault::malformed, "malformed: not JSON: line 1 column");
    fault("{\"conversations\": \"\xFF\"}", RecordFault::malformed, "malformed: not JSON: line 1 column 20");
    fault("[[1]]", RecordFault::malformed, "malformed: not a JSON object");
    fault(R"({"text": "x"})", RecordFault::missing_field,
          "there is none of 'conversations', 'messages' and 'instruction'");
    fault(R"({"conversations": "x"})", RecordFault::missing_field, "'conversations' must be an array, got string");
    fault(R"({"instruction": "x"})", RecordFault::missing_field, "'output' is missing");
    fault(turns(R"({"from":"human","value":"a"},{"from":"gpt"})"), RecordFault::missing_field,
          "turn 2: 'value' is missing");
    fault(turns(R"({"from":"human","value":"a"},7)"), RecordFault::missing_field, "turn 2: must be an object");
    fault(turns(R"({"from":"human","value":"a"},{"from":"bing","value":"b"})"), RecordFault::unknown_role,
          "unknown_role: turn 2 is from 'bing'");
    fault(turns(R"({"from":"gpt","value":"a"},{"from":"human","value":"b"})"), RecordFault::wrong_order,
          "wrong_order: turn 1 should be the user's");
    fault(turns(R"({"from":"human","value":"a"},{"from":"gpt","value":"b"},{"from":"system","value":"b"})"),
          RecordFault::wrong_order, "wrong_order: turn 3 should be the user's");
    fault(turns(R"({"from":"human","value":"a"},{"from":"gpt","value":" \n"})"), RecordFault::empty_turn,
          "empty_turn: turn 2 has no text");
    fault(R"({"instruction": "", "output": "x"})", RecordFault::empty_turn, "empty_turn: turn 1 has no text");
    fault(turns(R"({"from":"human","value":"a"},{"from":"gpt","value":"b\u0000"})"), RecordFault::nul,
          "nul: turn 2 holds a NUL character");
    fault(turns(R"({"from":"human","value":"a"})"), RecordFault::no_answer, "no_answer");
    fault(turns(""), RecordFault::no_answer, "no_answer");
}

TEST_CASE("a record that is too long is refused, or counted", "[records]") {
    const TemporaryFolder folder;
    test::write(folder / "f", "7777777\n" + good_turns + "\n" + good_turns + std::string(50, ' ') + "\n");
    const auto read = [](const Json& record, const std::string& where) {
        return read_conversation(record, where);
    };
    const auto open = [&](BadDocuments on_bad) {
        return RecordReader<Conversation>(folder / "f", read, on_bad, as_stored, good_turns.size());
    };
    auto skipping = open(BadDocuments::skip);
    Conversation conversation;
    CHECK(skipping.next(conversation));
    CHECK_FALSE(skipping.next(conversation));
    CHECK(skipping.faults()[RecordFault::malformed] == 1);
    CHECK(skipping.faults()[RecordFault::too_long] == 1);
    CHECK_THAT(skipping.where(), ContainsSubstring(":3 (record 3)"));
    test::write(folder / "f", good_turns + " \n");
    auto strict = open(BadDocuments::fail);
    CHECK_THROWS_WITH(strict.next(conversation),
                      ContainsSubstring(":1 (record 1): too_long: the record is longer than"));
}

TEST_CASE("a damaged array is an error whatever is to become of faulty records", "[records]") {
    const TemporaryFolder folder;
    test::write(folder / "f", "[" + good_turns + ", {\"conver");
    auto reader = open_conversations(folder / "f", {}, BadDocuments::skip);
    Conversation conversation;
    CHECK(reader.next(conversation));
    CHECK_THROWS_WITH(reader.next(conversation), ContainsSubstring("the file ends within a record"));
    CHECK_THROWS_WITH(open_conversations(folder / "none"), ContainsSubstring("none"));
}

TEST_CASE("preferences come out of every form", "[records]") {
    const TemporaryFolder folder;
    test::write(
        folder / "f.jsonl",
        R"({"prompt":"p","response":["c","r"]})"
        "\n"
        R"({"prompt":"p","chosen":"c","rejected":"r"})"
        "\n"
        R"({"conversations":[{"from":"human","value":"p"}],"chosen":{"from":"gpt","value":"c"},"rejected":{"from":"gpt","value":"r"}})"
        "\n"
        R"({"chosen":"\n\nHuman: p\n\nAssistant: c","rejected":"\n\nHuman: p\n\nAssistant: r"})"
        "\n"
        R"({"conversations":[{"from":"system","value":"s"},{"from":"human","value":"p"}],"chosen":"c","rejected":"r"})"
        "\n");
    Preference expected{
        .prompt = {.turns = {{.role = ChatRole::user, .text = "p"}}}, .chosen = "c", .rejected = "r"};
    const std::vector<Preference> found = all(open_preferences(folder / "f.jsonl"));
    REQUIRE(found.size() == 5);
    for (int i = 0; i < 4; ++i) CHECK(found[static_cast<std::size_t>(i)] == expected);
    CHECK(expected.answered().turns.back() == Turn{.role = ChatRole::assistant, .text = "c"});
    CHECK(expected.answered(false).turns.back().text == "r");
    expected.prompt.system = "s";
    CHECK(found[4] == expected);
}

TEST_CASE("PKU-SafeRLHF: which reply is preferred", "[records]") {
    const TemporaryFolder folder;
    const auto row = [](const std::string& safe_0, const std::string& safe_1, int better, int safer) {
        return R"({"prompt":"p","response_0":"zero","response_1":"one","is_response_0_safe":)" + safe_0 +
               R"(,"is_response_1_safe":)" + safe_1 + R"(,"better_response_id":)" + std::to_string(better) +
               R"(,"safer_response_id":)" + std::to_string(safer) + "}\n";
    };
    test::write(folder / "f", row("true", "false", 1, 0) + row("false", "true", 0, 1) + row("true", "true", 1, 0) +
                                  row("false", "false", 0, 1));
    auto only = open_preferences(folder / "f");  // undecided rows are counted even where faults are refused
    const std::vector<Preference> one_safe = all(only);
    REQUIRE(one_safe.size() == 2);
    CHECK(one_safe[0].chosen == "zero");
    CHECK(one_safe[0].rejected == "one");
    CHECK(one_safe[1].chosen == "one");
    CHECK(one_safe[1].chosen_safe == true);
    CHECK(one_safe[1].rejected_safe == false);
    CHECK(only.faults()[RecordFault::undecided] == 2);
    CHECK(only.faults().total() == 2);
    const auto chosen = [&](PreferredReply preferred) {
        std::string all_chosen;
        for (const Preference& preference : all(open_preferences(folder / "f", {.preferred = preferred}))) {
            all_chosen += preference.chosen + " ";
        }
        return all_chosen;
    };
    CHECK(chosen(PreferredReply::better) == "one zero one zero ");
    CHECK(chosen(PreferredReply::safer) == "zero one zero one ");
    CHECK(last_of_each_prompt(one_safe) == std::vector<std::size_t>{1});
    Preference other = one_safe[0];
    other.prompt.turns[0].text += "?";
    CHECK(last_of_each_prompt({one_safe[0], other, one_safe[1]}) == std::vector<std::size_t>{2, 1});
}

TEST_CASE("HH-RLHF: dialogues are taken apart and put together again", "[records]") {
    const std::string dialogue =
        "\n\nHuman: a b\n\nno mark\nHuman: c\n\nAssistant:  d \n\nHuman: \n\nAssistant: e";
    const std::vector<Turn> found = read_hh_dialogue(dialogue, "f:1");
    REQUIRE(found.size() == 4);
    CHECK(found[0].text == "a b\n\nno mark\nHuman: c");
    CHECK(found[1] == Turn{.role = ChatRole::assistant, .text = " d "});
    CHECK(found[2] == Turn{.role = ChatRole::user, .text = ""});
    CHECK(found[3].text == "e");
    CHECK_THROWS_WITH(read_hh_dialogue("Human: a", "f:1"),
                      ContainsSubstring("f:1: malformed: the dialogue does not"));
    CHECK_THROWS_WITH(read_hh_dialogue("", "f:1"), ContainsSubstring("malformed"));
}

TEST_CASE("faulty preferences are refused by name and place, or counted", "[records]") {
    const auto fault = [](const std::string& bad, RecordFault kind, const std::string& message) {
        CAPTURE(bad);
        const auto [counted, error] = fault_in(preferences, R"({"prompt":"p","response":["c","r"]})", bad, kind);
        CHECK(counted == 1);
        CHECK_THAT(error, ContainsSubstring(message));
    };
    const auto hh = [](const std::string& chosen, const std::string& rejected) {
        return R"({"chosen":")" + chosen + R"(","rejected":")" + rejected + "\"}";
    };
    fault(R"({"prompt":"p","response":["c","c"]})", RecordFault::identical,
          "the reply chosen is the one rejected");
    fault(R"({"prompt":"p","response":["c"]})", RecordFault::missing_field,
          "'response' has 1 replies, expected 2");
    fault(R"({"prompt":"p","chosen":"c"})", RecordFault::missing_field, "'rejected' is missing");
    fault(R"({"prompt":"p","chosen":"c","rejected":5})", RecordFault::missing_field,
          "'rejected' must be a string");
    fault(R"({"prompt":"p","chosen":"c","rejected":""})", RecordFault::empty_turn,
          "the reply rejected has no text");
    fault(R"({"prompt":" ","chosen":"c","rejected":"r"})", RecordFault::empty_turn, "turn 1 has no text");
    fault(R"({"prompt":"p","response_0":"a","response_1":"b","is_response_0_safe":true})",
          RecordFault::missing_field, "'is_response_1_safe' is missing");
    fault(
        R"({"conversations":[{"from":"human","value":"p"},{"from":"gpt","value":"p"}],"chosen":"c","rejected":"r"})",
        RecordFault::wrong_order, "the prompt does not end with the user");
    fault(R"({"prompt":"p","chosen":{"from":"human","value":"c"},"rejected":"r"})", RecordFault::wrong_order,
          "'chosen' is not the assistant's");
    fault(hh(R"(\n\nHuman: p\n\nAssistant: c)", R"(\n\nHuman: q\n\nAssistant: r)"), RecordFault::different_prompts,
          "the dialogues differ before their last reply");
    fault(hh(R"(\n\nHuman: p\n\nAssistant: c)", R"(\n\nHuman: p)"), RecordFault::wrong_order,
          "a dialogue does not end with the assistant");
    fault(hh(R"(\n\nHuman: p\n\nAssistant: x\n\nAssistant: c)", R"(\n\nHuman: p\n\nAssistant: x\n\nAssistant: r)"),
          RecordFault::wrong_order, "the prompt does not end with the user");
    fault(hh(R"(\n\nHuman: p\n\nAssistant: c)", R"(\n\nHuman: p\n\nAssistant:)"), RecordFault::empty_turn,
          "the reply rejected has no text");
    fault(hh("p", "q"), RecordFault::malformed, "the dialogue does not begin with");
}

TEST_CASE("faults are counted by name", "[records]") {
    RecordFaultCounts counts;
    ++counts[RecordFault::nul];
    RecordFaultCounts more;
    more[RecordFault::undecided] = 2;
    counts += more;
    CHECK(counts.total() == 3);
    CHECK(counts.json().dump() ==
          R"({"malformed":0,"too_long":0,"missing_field":0,"unknown_role":0,"wrong_order":0,"empty_turn":0,)"
          R"("no_answer":0,"nul":1,"identical":0,"different_prompts":0,"undecided":2,"ambiguous":0})");
}
