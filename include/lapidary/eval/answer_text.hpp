#pragma once

#include <lapidary/text/any_tokenizer.hpp>
#include <lapidary/text/chat_encoder.hpp>
#include <lapidary/text/text_until.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace lapidary {

/// The text of an answer while a model writes it, id by id, as a template delimits it: without what the template
/// puts in front of an answer (`TurnFormat::lead`), up to its stop texts, without white space at the end. Text is
/// given out when it is certain to be part of the answer.
class AnswerText {
public:
    /// The encoder must outlive it.
    explicit AnswerText(const ChatEncoder& encoder)
        : encoder_(&encoder), stream_(encoder.tokenizer()), until_(encoder.form().stop_texts) {}

    /// What is settled by one more id. An id that ends the answer (`ChatEncoder::stop_ids`) has no text.
    std::string add(TokenId id) {
        const auto& stops = encoder_->stop_ids();
        if (std::find(stops.begin(), stops.end(), id) == stops.end()) return take(until_.add(stream_.add(id)));
        stopped_ = true;
        return {};
    }
    /// The rest.
    std::string finish() {
        std::string rest = until_.add(stream_.finish());
        return take(rest + until_.finish());
    }
    /// The answer is complete: an id or a text came that ends it.
    [[nodiscard]] bool ended() const { return stopped_ || until_.ended(); }
    /// All that was given out.
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    std::string take(std::string fresh) {
        held_ += fresh;
        const std::string& lead = encoder_->form().assistant.lead;
        if (at_lead_) {
            if (held_.size() < lead.size() && lead.starts_with(held_)) return {};
            if (held_.starts_with(lead)) held_.erase(0, lead.size());
            at_lead_ = false;
        }
        const std::size_t end = held_.find_last_not_of(" \t\r\n") + 1;  // npos + 1 is 0
        std::string settled = held_.substr(0, end);
        held_.erase(0, end);
        text_ += settled;
        return settled;
    }

    const ChatEncoder* encoder_;
    TextStream<AnyTokenizer> stream_;
    TextUntil until_;
    std::string text_;
    std::string held_;     // white space that may be the end
    bool at_lead_ = true;  // nothing came but what may be the lead
    bool stopped_ = false;
};

}  // namespace lapidary
