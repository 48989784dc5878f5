#include "catch.hpp"
#include "stories.hpp"

#include <lapidary/eval/dialogue.hpp>
#include <lapidary/text/chat_templates.hpp>
#include <lapidary/text/open_tokenizer.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using namespace lapidary;

namespace {

/// A byte is one token; 256 and 257 are a stop token and the end token.
struct ByteIds {
    [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const {
        if (text == "<stop>") return {256};
        std::vector<TokenId> ids;
        for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
        return ids;
    }
    [[nodiscard]] std::string decode(std::span<const TokenId> ids) const {
        std::string text;
        for (const TokenId id : ids) text += id < 256 ? std::string(1, static_cast<char>(id)) : "";
        return text;
    }
    [[nodiscard]] Index vocabulary_size() const { return 258; }
    [[nodiscard]] TokenId bos_id() const { return -1; }
    [[nodiscard]] TokenId eos_id() const { return 257; }
    [[nodiscard]] TokenId unknown_id() const { return -1; }
};

ChatEncoder byte_encoder() {
    ChatTemplate form{.name = "bytes", .stop_texts = {"\n###Human:"}, .stop_tokens = {"<stop>"}};
    form.assistant.lead = "> ";
    return {form, AnyTokenizer(std::make_shared<const ByteIds>())};
}

/// What is given out id by id, in brackets where a piece came, then whether the answer ended.
std::string answered(std::string_view text, const std::vector<TokenId>& more = {}) {
    const ChatEncoder encoder = byte_encoder();
    AnswerText answer(encoder);
    std::string given, whole;
    const auto give = [&](const std::string& piece) {
        if (!piece.empty()) given += "[" + piece + "]";
        whole += piece;
    };
    std::vector<TokenId> ids = encoder.tokenizer().encode(text);
    ids.insert(ids.end(), more.begin(), more.end());
    for (const TokenId id : ids) give(answer.add(id));
    give(answer.finish());
    CHECK(whole == answer.text());
    return given + (answer.ended() ? "." : "");
}

const std::filesystem::path tok512 = std::filesystem::path(LAPIDARY_TEST_DATA) / "text/data/tok512.model";

struct Talk {
    test::StoryModel model;
    ChatTemplate form = human_assistant_template();
    DialogueOptions options{.max_tokens = 40, .sampling = {.temperature = 0}};

    [[nodiscard]] Dialogue dialogue() const {
        return {ChatEncoder(form, open_tokenizer(tok512)), model.model.context(), options};
    }
    Answer ask(Dialogue& dialogue, const std::string& text) {
        std::string streamed;
        const Answer answer = dialogue.ask(model.device, model.model, model.weights, text,
                                           [&](std::string_view piece) { streamed += piece; });
        CHECK(streamed == answer.text);
        return answer;
    }
};

}  // namespace

TEST_CASE("an answer comes without its lead, and ends before the mark of the next turn", "[chat]") {
    CHECK(answered("ab") == "[a][b]");
    CHECK(answered("> ab") == "[a][b]");
    CHECK(answered(">ab") == "[>a][b]");
    CHECK(answered("> > a") == "[>][ a]");
    CHECK(answered(">") == "");
    CHECK(answered("a b \n", {257}) == "[a][ b].");
    CHECK(answered("a\n###Human: b") == "[a].");
    CHECK(answered("a\n\n###Human:") == "[a].");
    CHECK(answered("a\n###Hum") == "[a][\n###Hum]");
    CHECK(answered("a\n###Hugo") == "[a][\n###Hug][o]");
    CHECK(answered("a", {256}) == "[a].");
    CHECK(answered("> ", {257}) == ".");
    CHECK(answered("\xC3\xA4") == "[\xC3][\xA4]");  // characters are the tokenizer's to complete
}

TEST_CASE("stop texts appear in no answer, wherever tokens cut them", "[chat]") {
    Talk talk;
    Dialogue plain = talk.dialogue();
    const Answer whole = talk.ask(plain, "Once upon a time");
    CHECK_FALSE(whole.whole);
    CHECK(whole.tokens == 40);
    REQUIRE(whole.text.size() > 60);
    for (std::size_t begin = 0; begin + 6 < whole.text.size(); begin += 5) {
        const std::string stop = whole.text.substr(begin, 6);
        INFO("stop text '" << stop << "'");
        talk.form.stop_texts = {stop, "never written"};
        Dialogue dialogue = talk.dialogue();
        const Answer answer = talk.ask(dialogue, "Once upon a time");
        const std::string before = whole.text.substr(0, whole.text.find(stop));
        CHECK(answer.text == before.substr(0, before.find_last_not_of(" \n") + 1));
        CHECK(answer.whole);
    }
}

TEST_CASE("a dialogue remembers what was said, and repeats by its seed", "[chat]") {
    Talk talk;
    talk.options.sampling = {.temperature = 1, .seed = 5};
    Dialogue dialogue = talk.dialogue();
    const Answer first = talk.ask(dialogue, "Tell me a story.");
    const Answer second = talk.ask(dialogue, "And then?");
    CHECK(dialogue.conversation().turns == std::vector<Turn>{{.role = ChatRole::user, .text = "Tell me a story."},
                                                             {.role = ChatRole::assistant, .text = first.text},
                                                             {.role = ChatRole::user, .text = "And then?"},
                                                             {.role = ChatRole::assistant, .text = second.text}});
    // The second answer is what the model makes of the whole conversation.
    Conversation said = dialogue.conversation();
    said.turns.pop_back();
    GenerateOptions options{.max_tokens = 40, .vocabulary = 512, .sampling = talk.options.sampling};
    options.sampling.seed = Philox(5, "dialogue").integer(1);
    options.stop_tokens = dialogue.encoder().stop_ids();
    AnswerText text(dialogue.encoder());
    for (const TokenId id : generate(talk.model.device, talk.model.model, talk.model.weights,
                                     dialogue.encoder().prompt(said), options)) {
        text.add(id);
    }
    text.finish();
    CHECK(second.text == text.text());

    dialogue.reset();
    CHECK(talk.ask(dialogue, "Tell me a story.").text == first.text);
    CHECK(talk.ask(dialogue, "Tell me a story.").text != first.text);
    talk.options.sampling.seed = 6;
    Dialogue other = talk.dialogue();
    CHECK(talk.ask(other, "Tell me a story.").text != first.text);
    talk.options.system = "Be brief.";
    Dialogue brief = talk.dialogue();
    CHECK(brief.conversation().system == "Be brief.");
    talk.ask(brief, "Hi");
    brief.reset();
    CHECK(brief.conversation() == Conversation{.system = "Be brief."});
}

TEST_CASE("a dialogue that outgrows the context goes on without its oldest turns", "[chat]") {
    Talk talk;
    talk.options.max_tokens = 100;
    Dialogue dialogue = talk.dialogue();
    Index left_out = 0;
    for (int i = 0; i < 8; ++i) {
        const Answer answer = talk.ask(dialogue, "Tell me more about the big red ball and the little girl.");
        CHECK(answer.left_out % 2 == 0);
        left_out += answer.left_out;
        CHECK(answer.tokens > 0);
    }
    CHECK(left_out > 0);
    CHECK(static_cast<Index>(dialogue.conversation().turns.size()) == 16 - left_out);
    CHECK(dialogue.conversation().turns[0].role == ChatRole::user);

    const Conversation before = dialogue.conversation();
    CHECK_THROWS_WITH(talk.ask(dialogue, std::string(2000, 'x')), ContainsSubstring("there is room for 412"));
    CHECK(dialogue.conversation() == before);
    talk.options.max_tokens = 512;
    CHECK_THROWS_WITH(talk.dialogue(), ContainsSubstring("answers of up to 512 tokens"));
    talk.options.max_tokens = 0;
    CHECK_THROWS_WITH(talk.dialogue(), ContainsSubstring("fewer than the context of 512"));
}

TEST_CASE("an answer can be interrupted, and is kept as far as it came", "[chat]") {
    Talk talk;
    Dialogue dialogue = talk.dialogue();
    int asked = 0;
    const Answer answer = dialogue.ask(talk.model.device, talk.model.model, talk.model.weights, "Once upon a time",
                                       {}, [&] { return ++asked == 7; });
    CHECK(answer.tokens == 7);
    CHECK_FALSE(answer.whole);
    CHECK(dialogue.conversation().turns.back().text == answer.text);
}
