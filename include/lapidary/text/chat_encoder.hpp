#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/io/quote.hpp>
#include <lapidary/text/any_tokenizer.hpp>
#include <lapidary/text/chat_template.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary {

/// A conversation as ids, and which of them the model learns to write.
struct ChatTokens {
    std::vector<TokenId> ids{};
    std::vector<std::uint8_t> counts{};  ///< of each id: 1 where the loss is that of predicting it
    Index reply = 0;                     ///< where the text of the last turn that counts begins; without one 0
    Index cut = 0;                       ///< ids that were left out because there are too many
    bool ambiguous = false;              ///< its turns spell tokens or marks of the template: no id counts
};

/// Conversations to ids and loss masks, by the rules of a template. Pure functions, safe to use from many threads.
///
/// All text between two tokens is encoded as one, so its ids are those that the model meets when it writes. An
/// answer's first id is the one behind as many ids as the text before it has alone; spaces in front of the answer
/// are the answer's, since SentencePiece joins one to its first word. This is the border that FastChat finds for
/// LLaMA's tokenizer with its offsets of 2 and 3, and that of Stanford Alpaca. Where a token would join the end of
/// a prompt to the start of an answer, it belongs to the prompt, there as here.
class ChatEncoder {
public:
    /// Throws Error(value) naming a token of the template that is not one id of the tokenizer.
    ChatEncoder(ChatTemplate form, AnyTokenizer tokenizer)
        : form_(std::move(form)), tokenizer_(std::move(tokenizer)), newline_(tokenizer_.encode("\n")) {
        for (const auto* pieces :
             {&form_.begin, &form_.end, &form_.system.before, &form_.system.after, &form_.user.before,
              &form_.user.after, &form_.assistant.before, &form_.assistant.after}) {
            for (const ChatPiece& piece : *pieces) {
                if (piece.kind != ChatPiece::Kind::text) control_ids_.insert(id_of(piece));
            }
        }
        for (const std::string& spelling : form_.stop_tokens)
            stop_ids_.push_back(id_of(ChatPiece::token(spelling)));
        if (tokenizer_.eos_id() >= 0) stop_ids_.push_back(tokenizer_.eos_id());
        control_ids_.insert(stop_ids_.begin(), stop_ids_.end());
    }

    [[nodiscard]] const ChatTemplate& form() const { return form_; }
    [[nodiscard]] const AnyTokenizer& tokenizer() const { return tokenizer_; }
    /// The ids that end an answer: the template's stop tokens and the tokenizer's end token, where it has one.
    [[nodiscard]] const std::vector<TokenId>& stop_ids() const { return stop_ids_; }

    /// A whole conversation. Throws what `chat_pieces` throws.
    [[nodiscard]] ChatTokens encode(const Conversation& conversation) const {
        Writer writer{*this};
        for (const ChatPiece& piece : chat_pieces(form_, conversation)) writer.add(piece);
        writer.flush();
        if (writer.ambiguous || is_ambiguous(conversation)) {
            writer.tokens.ambiguous = true;
            std::fill(writer.tokens.counts.begin(), writer.tokens.counts.end(), std::uint8_t{0});
        }
        return std::move(writer.tokens);
    }

    /// What the model is given to answer a conversation that ends with a turn of the user. Throws Error(value) if
    /// what the user or the system says spells a token or a mark of the template: it would pass for the
    /// template's.
    [[nodiscard]] std::vector<TokenId> prompt(const Conversation& conversation) const {
        if (conversation.system) refuse_marks(*conversation.system);
        for (const Turn& turn : conversation.turns) {
            if (turn.role != ChatRole::user) continue;
            refuse_marks(turn.text);
            refuse_marks(turn.input);
        }
        Writer writer{*this};
        for (const ChatPiece& piece : chat_pieces(form_, conversation, true)) writer.add(piece);
        writer.flush();
        return std::move(writer.tokens.ids);
    }

private:
    /// Collects text until a token comes.
    struct Writer {
        const ChatEncoder& encoder;
        ChatTokens tokens{};
        bool ambiguous = false;
        std::string run{};
        struct Part {
            std::size_t begin;
            bool counts;
        };
        std::vector<Part> parts{};
        bool first = true;  // no text came before

        void add(const ChatPiece& piece) {
            if (piece.kind != ChatPiece::Kind::text) {
                flush();
                tokens.ids.push_back(encoder.id_of(piece));
                tokens.counts.push_back(piece.counts ? 1 : 0);
                return;
            }
            if (piece.counts && encoder.form_.last_reply_alone) flush();
            parts.push_back({run.size(), piece.counts});
            run += piece.text;
        }

        void flush() {
            const bool alone = first || encoder.form_.texts_alone || encoder.form_.last_reply_alone;
            const std::vector<TokenId> ids = encoder.encode_text(run, alone);
            const std::size_t before = tokens.ids.size();
            tokens.ids.insert(tokens.ids.end(), ids.begin(), ids.end());
            tokens.counts.resize(tokens.ids.size());
            for (std::size_t i = 0; i < parts.size(); ++i) {
                if (!parts[i].counts) continue;
                const std::size_t stop = i + 1 < parts.size() ? parts[i + 1].begin : run.size();
                const std::size_t begin = encoder.ids_before(run, parts[i].begin, alone, ids.size());
                const std::size_t end =
                    stop == run.size() ? ids.size() : encoder.ids_before(run, stop, alone, ids.size());
                for (std::size_t k = begin; k < end; ++k) tokens.counts[before + k] = 1;
                tokens.reply = static_cast<Index>(before + begin);
            }
            ambiguous = ambiguous || encoder.spells_mark_twice(run) || encoder.has_control(ids);
            first = first && run.empty();
            run.clear();
            parts.clear();
        }
    };

    [[nodiscard]] TokenId id_of(const ChatPiece& piece) const {
        const bool bos = piece.kind == ChatPiece::Kind::bos;
        if (bos || piece.kind == ChatPiece::Kind::eos) {
            const TokenId id = bos ? tokenizer_.bos_id() : tokenizer_.eos_id();
            if (id < 0) refuse(bos ? "a start token" : "an end token");
            return id;
        }
        const std::vector<TokenId> ids = tokenizer_.encode(piece.text);
        if (ids.size() != 1 || ids[0] == tokenizer_.unknown_id()) refuse("the token " + quote(piece.text));
        return ids[0];
    }
    [[noreturn]] void refuse(const std::string& what) const {
        throw Error(ErrorCode::value, "chat_encoder",
                    "the template " + quote(form_.name) + " needs " + what + ", and the tokenizer has none");
    }

    /// The ids of a text that stands alone or, if not, behind a token: without the space that SentencePiece puts
    /// in front of a text. That space goes in front of a line end instead, to which nothing joins, and both are
    /// taken away again.
    [[nodiscard]] std::vector<TokenId> encode_text(std::string_view text, bool alone) const {
        if (text.empty()) return {};
        if (alone) return tokenizer_.encode(text);
        std::vector<TokenId> ids = tokenizer_.encode(std::string("\n").append(text));
        const auto after = std::mismatch(ids.begin(), ids.end(), newline_.begin(), newline_.end());
        if (after.second != newline_.end()) return tokenizer_.encode(text);  // it does join
        ids.erase(ids.begin(), after.first);
        return ids;
    }
    [[nodiscard]] std::size_t ids_before(std::string_view text, std::size_t border, bool alone,
                                         std::size_t all) const {
        std::string_view before = text.substr(0, border);
        while (before.ends_with(' ')) before.remove_suffix(1);
        return std::min(encode_text(before, alone).size(), all);
    }

    [[nodiscard]] bool has_control(const std::vector<TokenId>& ids) const {
        return std::any_of(ids.begin(), ids.end(), [&](TokenId id) { return control_ids_.contains(id); });
    }
    void refuse_marks(std::string_view text) const {
        const bool once = !form_.once.empty() && text.find(form_.once) != std::string_view::npos;
        if (!once && !spells_reserved(text) && !has_control(tokenizer_.encode(text))) return;
        throw Error(ErrorCode::value, "chat_encoder",
                    "the text spells a token or a mark of the template " + quote(form_.name));
    }
    [[nodiscard]] bool spells_reserved(std::string_view text) const {
        return std::any_of(form_.reserved.begin(), form_.reserved.end(),
                           [&](const std::string& mark) { return text.find(mark) != std::string_view::npos; });
    }
    [[nodiscard]] bool spells_mark_twice(std::string_view text) const {
        if (form_.once.empty()) return false;
        const std::size_t found = text.find(form_.once);
        return found != std::string_view::npos && text.find(form_.once, found + 1) != std::string_view::npos;
    }
    [[nodiscard]] bool is_ambiguous(const Conversation& conversation) const {
        return (conversation.system && spells_reserved(*conversation.system)) ||
               std::any_of(conversation.turns.begin(), conversation.turns.end(), [&](const Turn& turn) {
                   return spells_reserved(turn.text) || spells_reserved(turn.input) ||
                          (turn.text.empty() && !form_.once.empty());
               });
    }

    ChatTemplate form_;
    AnyTokenizer tokenizer_;
    std::vector<TokenId> newline_;
    std::vector<TokenId> stop_ids_;
    std::set<TokenId> control_ids_;  // what the template puts in as tokens: no text may become one of them
};

}  // namespace lapidary
