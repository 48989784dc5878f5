#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/io/quote.hpp>
#include <lapidary/text/chat_template.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace lapidary {

/// Vicuna 1.1, which AMBERCHAT was trained with (FastChat, `vicuna_v1.1`): a start token, the system sentence, and
/// `USER: ... ASSISTANT: ...` with an end token behind every answer. Between an end token and the next `USER`
/// there is nothing, not even the space that SentencePiece would put there: AMBERCHAT's tokenizer says `legacy:
/// false`. For models of FastChat before October 2023 set `texts_alone`.
inline ChatTemplate vicuna_template() {
    return {
        .name = "vicuna",
        .begin = {ChatPiece::bos()},
        .default_system =
            "A chat between a curious user and an artificial intelligence assistant. The assistant "
            "gives helpful, detailed, and polite answers to the user's questions.",
        .system = {.after = {ChatPiece::of(" ")}},
        .user = {.before = {ChatPiece::of("USER: ")}, .input_lead = "\nInput:\n", .after = {ChatPiece::of(" ")}},
        .assistant = {.before = {ChatPiece::of("ASSISTANT:")}, .lead = " ", .after = {ChatPiece::eos()}},
        .once = " ASSISTANT: ",
        .reserved = {"</s>", "<unk>"},
        .stop_texts = {"USER:"},
    };
}

/// `###Human: ...` and `###Assistant:` on lines of their own, as the cards of AMBERCHAT and AMBERSAFE prompt the
/// models. No training with it is published; here an end token closes every answer.
inline ChatTemplate human_assistant_template() {
    return {
        .name = "human_assistant",
        .begin = {ChatPiece::bos()},
        .system = {.after = {ChatPiece::of("\n")}},
        .user = {.before = {ChatPiece::of("###Human: ")},
                 .input_lead = "\nInput:\n",
                 .after = {ChatPiece::of("\n")}},
        .assistant = {.before = {ChatPiece::of("###Assistant:")}, .lead = " ", .after = {ChatPiece::eos()}},
        .reserved = {"###Human:", "###Assistant:"},
        .stop_texts = {"###Human:"},
    };
}

/// CRYSTALCHAT: control tokens around the system text and around every turn of the user, one end token behind the
/// last answer, every text encoded alone. No token that ends an answer in the middle is learned: what follows it
/// is the user's. Source: the preparation of its data in LLM360/crystalcoder-train.
inline ChatTemplate crystalchat_template() {
    return {
        .name = "crystalchat",
        .begin = {ChatPiece::bos()},
        .default_system =
            "You are a helpful and intelligent assistant. Follow the instructions and answer the "
            "questions as accurately as possible.",
        .system = {.before = {ChatPiece::token("<|sys_start|>")}, .after = {ChatPiece::token("<|sys_end|>")}},
        .user = {.before = {ChatPiece::token("<|im_start|>")},
                 .input_lead = "\n",
                 .after = {ChatPiece::token("<|im_end|>")}},
        .assistant = {},
        .end = {ChatPiece::eos()},
        .texts_alone = true,
        .stop_tokens = {"<|im_start|>"},
    };
}

/// A plain text among CRYSTALCHAT's conversations (its text books): the text is a turn of the assistant's, and all
/// of it counts, the start token too.
inline ChatTemplate document_template() {
    return {.name = "document",
            .begin = {ChatPiece::bos(true)},
            .assistant = {},
            .end = {ChatPiece::eos()},
            .texts_alone = true};
}

/// Stanford Alpaca's prompt; the answer follows its colon at once. Alpaca's conversations have one round; where
/// there are more, each begins behind the end token of the one before it.
inline ChatTemplate alpaca_template() {
    const std::string task = "Below is an instruction that describes a task";
    const std::string request = "Write a response that appropriately completes the request.";
    return {
        .name = "alpaca",
        .begin = {ChatPiece::bos()},
        .default_system = task + ". " + request,
        .default_system_with_input = task + ", paired with an input that provides further context. " + request,
        .system = {.after = {ChatPiece::of("\n\n")}},
        .user = {.before = {ChatPiece::of("### Instruction:\n")},
                 .input_lead = "\n\n### Input:\n",
                 .after = {ChatPiece::of("\n\n")}},
        .assistant = {.before = {ChatPiece::of("### Response:")}, .after = {ChatPiece::eos()}},
        .reserved = {"</s>"},
        .stop_texts = {"### Instruction:"},
    };
}

/// Nothing but the texts, the prompt and the reply encoded one by one, an end token behind the reply, no start
/// token: what AMBERSAFE was trained with (eric-mitchell/direct-preference-optimization).
inline ChatTemplate raw_template() {
    return {.name = "raw",
            .user = {.input_lead = "\n"},
            .assistant = {},
            .end = {ChatPiece::eos()},
            .last_reply_alone = true};
}

/// The dialogues of Anthropic's HH-RLHF as its files write them, encoded like `raw_template`.
inline ChatTemplate hh_template() {
    return {.name = "hh",
            .user = {.before = {ChatPiece::of("\n\nHuman:")}, .lead = " ", .input_lead = "\n"},
            .assistant = {.before = {ChatPiece::of("\n\nAssistant:")}, .lead = " "},
            .end = {ChatPiece::eos()},
            .last_reply_alone = true,
            .reserved = {"\n\nHuman:", "\n\nAssistant:"},
            .stop_texts = {"\n\nHuman:"}};
}

/// Those of conversations.
inline std::vector<ChatTemplate> chat_templates() {
    return {vicuna_template(),      human_assistant_template(),
            crystalchat_template(), alpaca_template(),
            raw_template(),         hh_template()};
}

/// Their names, with commas.
inline std::string chat_template_names() {
    std::string names;
    for (const ChatTemplate& form : chat_templates()) names += (names.empty() ? "" : ", ") + form.name;
    return names;
}

/// One of these by its name. Throws Error(value) listing the names.
inline ChatTemplate find_chat_template(std::string_view name) {
    for (const ChatTemplate& form : chat_templates()) {
        if (form.name == name) return form;
    }
    throw Error(ErrorCode::value, "chat_template",
                "there is no template " + quote(name) + ", only " + chat_template_names());
}

}  // namespace lapidary
