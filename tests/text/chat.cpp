#include "catch.hpp"

#include <lapidary/text/chat_encoder.hpp>
#include <lapidary/text/chat_templates.hpp>
#include <lapidary/text/fit_prompt.hpp>
#include <lapidary/text/sentencepiece.hpp>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace lapidary;

namespace {

/// A byte is one token, and so are some spellings that may hold more.
struct SpellingTokenizer {
    std::vector<std::string> tokens{"<s>", "</s>"};

    [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const {
        std::vector<TokenId> ids;
        while (!text.empty()) {
            std::size_t k = 2;
            while (k < tokens.size() && !text.starts_with(tokens[k])) ++k;
            const bool byte = k == tokens.size();
            ids.push_back(byte ? 1000 + static_cast<unsigned char>(text[0]) : static_cast<TokenId>(k));
            text.remove_prefix(byte ? 1 : tokens[k].size());
        }
        return ids;
    }
    [[nodiscard]] std::string decode(std::span<const TokenId> ids) const {
        std::string text;
        for (const TokenId id : ids) {
            text +=
                id >= 1000 ? std::string(1, static_cast<char>(id - 1000)) : tokens[static_cast<std::size_t>(id)];
        }
        return text;
    }
    [[nodiscard]] Index vocabulary_size() const { return 1256; }
    [[nodiscard]] TokenId bos_id() const { return 0; }
    [[nodiscard]] TokenId eos_id() const { return 1; }
    [[nodiscard]] TokenId unknown_id() const { return -1; }
};
static_assert(Tokenizer<SpellingTokenizer>);

AnyTokenizer spelling(const std::vector<std::string>& more = {}) {
    SpellingTokenizer tokenizer;
    tokenizer.tokens.insert(tokenizer.tokens.end(), more.begin(), more.end());
    return AnyTokenizer(std::make_shared<const SpellingTokenizer>(tokenizer));
}
const std::vector<std::string> control{"<|sys_start|>", "<|sys_end|>", "<|im_start|>", "<|im_end|>"};

Conversation chat(const std::vector<std::string>& texts, std::optional<std::string> system = {}) {
    Conversation conversation{.system = std::move(system)};
    for (std::size_t i = 0; i < texts.size(); ++i) {
        conversation.turns.push_back(
            {.role = i % 2 == 0 ? ChatRole::user : ChatRole::assistant, .text = texts[i]});
    }
    return conversation;
}

/// The text of ids, what counts in braces.
std::string marked(const AnyTokenizer& tokenizer, const ChatTokens& tokens) {
    REQUIRE(tokens.ids.size() == tokens.counts.size());
    std::string text;
    bool inside = false;
    for (std::size_t i = 0; i < tokens.ids.size(); ++i) {
        if ((tokens.counts[i] != 0) != inside) text += inside ? "}" : "{";
        inside = tokens.counts[i] != 0;
        text += tokenizer.decode(std::vector{tokens.ids[i]});
    }
    return text + (inside ? "}" : "");
}

std::string encoded(const ChatTemplate& form, const Conversation& conversation) {
    const AnyTokenizer tokenizer = spelling(control);
    return marked(tokenizer, ChatEncoder(form, tokenizer).encode(conversation));
}
std::string prompted(const ChatTemplate& form, const Conversation& conversation) {
    const AnyTokenizer tokenizer = spelling(control);
    return tokenizer.decode(ChatEncoder(form, tokenizer).prompt(conversation));
}

const Conversation two_rounds = chat({"Hi", "Hello.", "Bye", "So long."});
const Conversation one_round = chat({"Hi", "Hello."});
const std::string vicuna_system =
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
    "detailed, "
    "and polite answers to the user's questions.";

}  // namespace

TEST_CASE("Vicuna: answers and their end tokens count", "[chat]") {
    const ChatTemplate form = vicuna_template();
    CHECK(encoded(form, two_rounds) ==
          "<s>" + vicuna_system + " USER: Hi ASSISTANT:{ Hello.</s>}USER: Bye ASSISTANT:{ So long.</s>}");
    CHECK(encoded(form, chat({"Hi", "Hello."}, "Be brief.")) == "<s>Be brief. USER: Hi ASSISTANT:{ Hello.</s>}");
    CHECK(prompted(form, chat({"Hi", "Hello.", "Bye"}, "Be brief.")) ==
          "<s>Be brief. USER: Hi ASSISTANT: Hello.</s>USER: Bye ASSISTANT:");
}

TEST_CASE("###Human: and ###Assistant: on lines of their own", "[chat]") {
    const ChatTemplate form = human_assistant_template();
    CHECK(encoded(form, two_rounds) ==
          "<s>###Human: Hi\n###Assistant:{ Hello.</s>}###Human: Bye\n###Assistant:{ So long.</s>}");
    CHECK(encoded(form, chat({"Hi", "Hello."}, "Be brief.")) ==
          "<s>Be brief.\n###Human: Hi\n###Assistant:{ Hello.</s>}");
    CHECK(prompted(form, chat({"Hi"})) == "<s>###Human: Hi\n###Assistant:");
}

TEST_CASE("CrystalChat: control tokens, one end token behind the last answer", "[chat]") {
    const ChatTemplate form = crystalchat_template();
    CHECK(encoded(form, two_rounds) ==
          "<s><|sys_start|>" + *form.default_system +
              "<|sys_end|><|im_start|>Hi<|im_end|>{Hello.}<|im_start|>Bye<|im_end|>{So long.</s>}");
    CHECK(encoded(form, chat({"Hi", "Hello."}, "")) ==
          "<s><|sys_start|><|sys_end|><|im_start|>Hi<|im_end|>{Hello.</s>}");
    CHECK(prompted(form, chat({"Hi"}, "X")) == "<s><|sys_start|>X<|sys_end|><|im_start|>Hi<|im_end|>");
    Conversation text{.turns = {{.role = ChatRole::assistant, .text = "Once."}}};
    CHECK(encoded(document_template(), text) == "{<s>Once.</s>}");
    CHECK_THROWS_WITH(
        ChatEncoder(form, spelling()),
        ContainsSubstring("'crystalchat' needs the token '<|sys_start|>', and the tokenizer has none"));
}

TEST_CASE("Alpaca: the preamble tells of an input where there is one", "[chat]") {
    const ChatTemplate form = alpaca_template();
    CHECK(encoded(form, one_round) ==
          "<s>Below is an instruction that describes a task. Write a response that appropriately completes the "
          "request.\n\n### Instruction:\nHi\n\n### Response:{Hello.</s>}");
    Conversation with_input = one_round;
    with_input.turns[0].input = "3 + 4";
    CHECK(encoded(form, with_input) ==
          "<s>Below is an instruction that describes a task, paired with an input that provides further context. "
          "Write a response that appropriately completes the request.\n\n### Instruction:\nHi\n\n### Input:\n3 + 4"
          "\n\n### Response:{Hello.</s>}");
    with_input.system = "X";
    CHECK(encoded(form, with_input).starts_with("<s>X\n\n### Instruction:\nHi\n\n### Input:\n3 + 4\n\n### Resp"));
    CHECK(encoded(vicuna_template(), with_input) == "<s>X USER: Hi\nInput:\n3 + 4 ASSISTANT:{ Hello.</s>}");
}

TEST_CASE("raw and HH: only the last reply counts", "[chat]") {
    CHECK(encoded(raw_template(), one_round) == "Hi{Hello.</s>}");
    CHECK(prompted(raw_template(), chat({"Hi"})) == "Hi");
    CHECK(encoded(hh_template(), two_rounds) ==
          "\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: Bye\n\nAssistant:{ So long.</s>}");
    CHECK(prompted(hh_template(), chat({"Hi", "Hello.", "Bye"})) ==
          "\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: Bye\n\nAssistant:");
    const AnyTokenizer tokenizer = spelling();
    CHECK(ChatEncoder(hh_template(), tokenizer).encode(one_round).reply == 23);
    CHECK(ChatEncoder(vicuna_template(), tokenizer).encode(two_rounds).reply ==
          static_cast<Index>(1 + vicuna_system.size() + 20 + 8 + 20));
}

TEST_CASE("a template of one's own is a value", "[chat]") {
    ChatTemplate form{.name = "mine",
                      .user = {.before = {ChatPiece::of("Q: ")}, .after = {ChatPiece::of("\nA: ")}},
                      .assistant = {.after = {ChatPiece::of("\n")}},
                      .end = {ChatPiece::eos(false)}};
    // The space before an answer is the answer's, whoever wrote it, and the line end behind it nobody's.
    CHECK(encoded(form, two_rounds) == "Q: Hi\nA:{ Hello.}\nQ: Bye\nA:{ So long.}\n</s>");
    form.begin = {ChatPiece::token("<|im_start|>"), ChatPiece::of("!")};
    CHECK(encoded(form, one_round) == "<|im_start|>!Q: Hi\nA:{ Hello.}\n</s>");
    CHECK(find_chat_template("hh").name == "hh");
    CHECK_THROWS_WITH(
        find_chat_template("vicuna2"),
        ContainsSubstring("there is no template 'vicuna2', only vicuna, human_assistant, crystalchat"));
}

TEST_CASE("what joins a prompt and its answer belongs to the prompt", "[chat]") {
    const AnyTokenizer tokenizer = spelling({"::", "))"});
    const ChatEncoder encoder(alpaca_template(), tokenizer);
    CHECK_THAT(marked(tokenizer, encoder.encode(chat({"Hi", ":)) yes"}))),
               ContainsSubstring("### Response::{)) yes"));
    const ChatEncoder apart(raw_template(), tokenizer);
    CHECK(marked(tokenizer, apart.encode(chat({"Hi:", ":)) yes"}))) == "Hi:{:)) yes</s>}");
}

TEST_CASE("ambiguous conversations count nothing", "[chat]") {
    const ChatEncoder vicuna(vicuna_template(), spelling());
    for (const auto& [question, answer] : std::vector<std::pair<std::string, std::string>>{{"x ASSISTANT: y", "z"},
                                                                                           {"ASSISTANT: y", "z"},
                                                                                           {"x", "y ASSISTANT: z"},
                                                                                           {"x</s>", "y"},
                                                                                           {"x", "a<unk>"},
                                                                                           {"", "x"},
                                                                                           {"x", ""}}) {
        CAPTURE(question, answer);
        const ChatTokens tokens = vicuna.encode(chat({"one", "two", question, answer}));
        CHECK(tokens.ambiguous);
        CHECK(std::count(tokens.counts.begin(), tokens.counts.end(), 1) == 0);
        CHECK(tokens.counts.size() == tokens.ids.size());
    }
    const ChatTokens tokens = vicuna.encode(chat({"USER: x ASSISTANT", "USER: y"}));
    CHECK_FALSE(tokens.ambiguous);
    CHECK(std::count(tokens.counts.begin(), tokens.counts.end(), 1) == 9);
}

TEST_CASE("no text passes for a token or a mark of the template", "[chat]") {
    const ChatEncoder crystal(crystalchat_template(), spelling(control));
    const auto counted = [](const ChatEncoder& encoder, const std::string& question, const std::string& answer,
                            std::optional<std::string> system = {}) {
        const ChatTokens tokens = encoder.encode(chat({question, answer}, std::move(system)));
        const auto count = std::count(tokens.counts.begin(), tokens.counts.end(), 1);
        CHECK(tokens.ambiguous == (count == 0));
        return count;
    };
    CHECK(counted(crystal, "a <|im_star|>", "b") > 0);
    for (const std::string& token : control) {
        CAPTURE(token);
        CHECK(counted(crystal, "a " + token + "b", "c") == 0);
        CHECK(counted(crystal, "a", "b" + token) == 0);
        CHECK(counted(crystal, "a", "b", token) == 0);
        CHECK_THROWS_WITH(crystal.prompt(chat({"a " + token})),
                          ContainsSubstring("the text spells a token or a mark of the template 'crystalchat'"));
        CHECK_THROWS_WITH(crystal.prompt(chat({"a"}, token)), ContainsSubstring("a token or a mark"));
        CHECK_NOTHROW(crystal.prompt(chat({"a", "what the model wrote " + token, "b"})));
        CHECK(counted(ChatEncoder(raw_template(), spelling(control)), "a " + token, "c") > 0);
    }
    const ChatEncoder hh(hh_template(), spelling());
    CHECK(counted(hh, "a Human: b", "c") > 0);
    CHECK(counted(hh, "a\n\nAssistant: b", "c") == 0);
    const ChatEncoder human(human_assistant_template(), spelling());
    CHECK(counted(human, "### Human: a", "c") > 0);
    CHECK(counted(human, "a", "b\n###Human: c") == 0);
    CHECK_THROWS_WITH(human.prompt(chat({"a", "b", "c ###Assistant: d"})), ContainsSubstring("'human_assistant'"));
    const ChatEncoder vicuna(vicuna_template(), spelling());
    CHECK_THROWS_WITH(vicuna.prompt(chat({"a ASSISTANT: b"})), ContainsSubstring("'vicuna'"));
    CHECK_NOTHROW(vicuna.prompt(chat({"my ASSISTANT"})));
}

TEST_CASE("turns that no template can write are refused", "[chat]") {
    Conversation conversation = one_round;
    conversation.turns[1].role = ChatRole::other;
    CHECK_THROWS_WITH(encoded(vicuna_template(), conversation),
                      ContainsSubstring("turn 2 is neither the user's nor the assistant's"));
    CHECK_THROWS_WITH(prompted(vicuna_template(), one_round),
                      ContainsSubstring("a prompt must end with a turn of the user"));
    CHECK_FALSE(roles_alternate(conversation));
    CHECK(roles_alternate(two_rounds));
    CHECK_FALSE(roles_alternate({.turns = {{.role = ChatRole::assistant, .text = "x"}}}));
}

TEST_CASE("behind a token SentencePiece's space is there or not, as the template says", "[chat]") {
    const auto model = std::make_shared<const SentencePiece>(std::filesystem::path(LAPIDARY_TEST_DATA) / "text" /
                                                             "data" / "tok512.model");
    const AnyTokenizer tokenizer(model);
    const auto pieces = [&](const ChatTemplate& form, const Conversation& conversation) {
        std::string all;
        const ChatTokens tokens = ChatEncoder(form, tokenizer).encode(conversation);
        for (std::size_t i = 0; i < tokens.ids.size(); ++i) {
            all += (i == 0 ? "" : "|") + model->piece(tokens.ids[i]) + (tokens.counts[i] != 0 ? "*" : "");
        }
        return all;
    };
    ChatTemplate form{.name = "small",
                      .begin = {ChatPiece::bos()},
                      .user = {.after = {ChatPiece::of(":")}},
                      .assistant = {.lead = " ", .after = {ChatPiece::eos()}}};
    const Conversation conversation = chat({"the", "cat", "the", "the"});
    CHECK(pieces(form, conversation) == "<s>|▁the|:|▁c*|at*|</s>*|t|he|:|▁the*|</s>*");
    form.texts_alone = true;
    CHECK(pieces(form, conversation) == "<s>|▁the|:|▁c*|at*|</s>*|▁the|:|▁the*|</s>*");
    form.texts_alone = false;
    // Spaces and line ends at the borders of turns are the turns' own.
    CHECK(pieces(form, chat({"the ", " the\n", "\n the", " \nthe "})) ==
          "<s>|▁the|▁|:|▁*|▁the*|<0x0A>*|</s>*|<0x0A>|▁the|:|▁*|▁*|<0x0A>*|t*|he*|▁*|</s>*");
}

TEST_CASE("templates know where the next turn of the user begins", "[chat]") {
    for (const char* name : {"vicuna", "human_assistant", "crystalchat", "alpaca", "hh"}) {
        INFO(name);
        const ChatTemplate form = find_chat_template(name);
        REQUIRE(form.stop_texts.size() + form.stop_tokens.size() == 1);
        const std::string mark = form.stop_texts.empty() ? form.stop_tokens[0] : form.stop_texts[0];
        // What a model reads before its second turn ends with it, but for white space.
        std::string before;
        for (const ChatPiece& piece : form.user.before) before += piece.text;
        CHECK(before.starts_with(mark));
        CHECK(before.find_first_not_of(" \n", mark.size()) == std::string::npos);
    }
    CHECK(raw_template().stop_texts.empty());
    CHECK(document_template().stop_texts.empty());

    using Ids = std::vector<TokenId>;
    CHECK(ChatEncoder(vicuna_template(), spelling()).stop_ids() == Ids{1});
    const AnyTokenizer tokenizer = spelling(control);
    CHECK(ChatEncoder(crystalchat_template(), tokenizer).stop_ids() ==
          Ids{tokenizer.encode("<|im_start|>")[0], 1});
    ChatTemplate odd = vicuna_template();
    odd.stop_tokens = {"<|im_start|>"};
    CHECK_THROWS_WITH(ChatEncoder(odd, spelling()), ContainsSubstring("needs the token '<|im_start|>'"));
}

TEST_CASE("a prompt that is too long loses its oldest turns", "[chat]") {
    const ChatEncoder encoder(human_assistant_template(), spelling());
    const Conversation all = chat({"one", "1", "two", "2", "three"}, "S");
    const auto length = [&](const Conversation& conversation) {
        return static_cast<Index>(encoder.prompt(conversation).size());
    };
    const Conversation later = chat({"two", "2", "three"}, "S"), last = chat({"three"}, "S");
    for (const auto& [room, left] : std::vector<std::pair<Index, Conversation>>{{length(all), all},
                                                                                {length(all) - 1, later},
                                                                                {length(later), later},
                                                                                {length(later) - 1, last},
                                                                                {length(last), last}}) {
        Conversation conversation = all;
        CHECK(fit_prompt(encoder, conversation, room) == encoder.prompt(left));
        CHECK(conversation == left);
    }
    Conversation conversation = all;
    CHECK_THROWS_WITH(fit_prompt(encoder, conversation, length(last) - 1),
                      ContainsSubstring("the turn takes 32 tokens with what the template 'human_assistant' puts "
                                        "around it, and there is room for 31"));
    CHECK(conversation == all);
}
