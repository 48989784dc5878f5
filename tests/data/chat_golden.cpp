// The 200 conversations of tests/data/chat in every template, beside what tests/golden/make_chat.py made of them.
#include "catch.hpp"

#include <lapidary/data/chat_windows.hpp>
#include <lapidary/data/record_reader.hpp>
#include <lapidary/data/split_conversation.hpp>
#include <lapidary/io/json.hpp>
#include <lapidary/io/sha256.hpp>
#include <lapidary/text/chat_encoder.hpp>
#include <lapidary/text/chat_templates.hpp>
#include <lapidary/text/sentencepiece.hpp>

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace lapidary;
namespace fs = std::filesystem;

namespace {

const fs::path tests = LAPIDARY_TEST_DATA;
const fs::path golden_file = tests / "golden" / "chat.json";

std::shared_ptr<const SentencePiece> tok512() {
    std::vector<AddedToken> control;
    for (const char* name : {"<|sys_start|>", "<|sys_end|>", "<|im_start|>", "<|im_end|>"}) {
        control.push_back({.id = 512 + static_cast<TokenId>(control.size()), .content = name, .special = true});
    }
    return std::make_shared<const SentencePiece>(tests / "text" / "data" / "tok512.model", control);
}

std::vector<Conversation> conversations() {
    std::vector<Conversation> all;
    for (const char* file : {"sharegpt.json", "alpaca.jsonl"}) {
        auto reader = open_conversations(tests / "data" / "chat" / file);
        for (Conversation conversation; reader.next(conversation);) all.push_back(conversation);
    }
    return all;
}

template <class T>
std::string digest(const std::vector<T>& values) {
    return sha256_hex(std::as_bytes(std::span(values)));
}

std::vector<std::vector<Index>> ranges(const std::vector<std::uint8_t>& counts) {
    std::vector<std::vector<Index>> found;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] == 0) continue;
        if (i == 0 || counts[i - 1] == 0) found.push_back({static_cast<Index>(i), 0});
        found.back()[1] = static_cast<Index>(i) + 1;
    }
    return found;
}

}  // namespace

TEST_CASE("ids and loss masks are those of the published preparations", "[chat]") {
    const auto model = tok512();
    const std::vector<Conversation> all = conversations();
    REQUIRE(all.size() == 200);
    const Json golden = read_json(golden_file);
    std::map<std::string, ChatTemplate> forms;
    for (const char* name : {"vicuna", "human_assistant", "crystalchat", "alpaca", "raw", "hh"}) {
        forms[name] = find_chat_template(name);
    }
    forms["vicuna_legacy"] = vicuna_template();
    forms["vicuna_legacy"].texts_alone = true;
    for (const auto& [name, form] : forms) {
        CAPTURE(name);
        const ChatEncoder encoder(form, AnyTokenizer(model));
        const Json& examples = golden.at(name).at("examples");
        REQUIRE(examples.size() == all.size());
        int compared = 0;
        int differ = 0;
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (examples[i].is_null()) continue;
            const ChatTokens tokens = encoder.encode(all[i]);
            const bool same = tokens.ids.size() == examples[i][0].get<std::size_t>() &&
                              digest(tokens.ids).substr(0, 16) == examples[i][1].get<std::string>() &&
                              ranges(tokens.counts) == examples[i][2].get<std::vector<std::vector<Index>>>();
            differ += same && tokens.counts.size() == tokens.ids.size() ? 0 : 1;
            ++compared;
        }
        CHECK(differ == 0);
        CHECK(compared == (name == "alpaca" || name == "raw" ? 120 : 200));
        for (const Json& table : golden.at(name).at("tables")) {
            const ChatTokens tokens = encoder.encode(all[table[0].get<std::size_t>()]);
            REQUIRE(tokens.ids.size() == table[1].size());
            for (std::size_t i = 0; i < tokens.ids.size(); ++i) {
                const Json row{model->piece(tokens.ids[i]), tokens.ids[i], tokens.counts[i]};
                CAPTURE(i);
                CHECK(row == table[1][i]);
            }
        }
    }
}

TEST_CASE("long conversations are split where FastChat splits them", "[chat]") {
    const AnyTokenizer tokenizer(tok512());
    const std::vector<Conversation> all = conversations();
    const Json golden = read_json(golden_file);
    CHECK(golden.at("split").size() == 39);
    for (const Json& row : golden.at("split")) {
        Conversation joined;
        const auto first = row[0].get<std::size_t>();
        for (std::size_t i = first; i < first + row[1].get<std::size_t>(); ++i) {
            joined.turns.insert(joined.turns.end(), all[i].turns.begin(), all[i].turns.end());
        }
        std::vector<Conversation> expected;
        for (const Json& piece : row[3]) {
            const auto at = [&](int end) {
                return joined.turns.begin() + piece[static_cast<std::size_t>(end)].get<std::ptrdiff_t>();
            };
            expected.push_back({.turns = {at(0), at(1)}});
        }
        CAPTURE(first);
        CHECK(split_conversation(joined, tokenizer, {.max_tokens = row[2].get<Index>()}) == expected);
    }
}

TEST_CASE("examples are packed as CrystalChat's are", "[chat]") {
    const ChatEncoder encoder(crystalchat_template(), AnyTokenizer(tok512()));
    ChatWindows windows({.context = 256, .packing = Packing::cut});
    for (const Conversation& conversation : conversations()) windows.add(encoder.encode(conversation));
    windows.finish();
    const Json golden = read_json(golden_file).at("packed");
    CHECK(windows.size() == golden.at("windows").get<Index>());
    CHECK(windows.silent_windows() == golden.at("silent").get<Index>());
    CHECK(windows.lost_tokens() == golden.at("lost").get<Index>());
    std::vector<Index> rows;
    for (Index i = 0; i < windows.size(); ++i) rows.push_back(i);
    const Batch batch = windows.batch(rows);
    CHECK(digest(batch.tokens) == golden.at("ids").get<std::string>());
    CHECK(digest(batch.mask) == golden.at("mask").get<std::string>());
    CHECK(batch.starts.empty());
}
