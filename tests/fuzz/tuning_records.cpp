// A file of conversations or preferences of any bytes: its records are read, refused or left out, by either
// policy, and what is read goes through a template.

#include "input_file.hpp"

#include <lapidary/data/preference_tokens.hpp>
#include <lapidary/data/record_reader.hpp>
#include <lapidary/text/chat_templates.hpp>

#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using namespace lapidary;

namespace {

/// A byte is one token.
struct Bytes {
    [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const {
        std::vector<TokenId> ids;
        for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
        return ids;
    }
    [[nodiscard]] std::string decode(std::span<const TokenId> ids) const { return std::string(ids.size(), '?'); }
    [[nodiscard]] Index vocabulary_size() const { return 258; }
    [[nodiscard]] TokenId bos_id() const { return 256; }
    [[nodiscard]] TokenId eos_id() const { return 257; }
    [[nodiscard]] TokenId unknown_id() const { return -1; }
};
const ChatEncoder encoder(vicuna_template(), AnyTokenizer(std::make_shared<const Bytes>()));

void check(const ChatTokens& tokens) {
    if (tokens.counts.size() != tokens.ids.size() || tokens.reply < 0 ||
        tokens.reply > static_cast<Index>(tokens.ids.size())) {
        std::abort();
    }
}

/// What is given out must keep the promises of `check_turns`, and go through a template.
void check(const Conversation& conversation, std::size_t size) {
    check_turns(conversation, "again");
    std::size_t bytes = 0;
    for (const Turn& turn : conversation.turns) bytes += turn.text.size() + turn.input.size();
    if (bytes > size || conversation.turns.empty()) std::abort();
    check(encoder.encode(conversation));
}
void check(const Preference& preference, std::size_t size) {
    for (const bool chosen : {true, false}) check(preference.answered(chosen), size);
    if (preference.chosen == preference.rejected) std::abort();
    const PreferenceTokens tokens = encode_preference(encoder, preference, {.max_tokens = 64, .max_prompt = 32});
    check(tokens.chosen);
    check(tokens.rejected);
}

template <class Reader, class Item>
void read(Reader&& reader, Item item, std::size_t size) {
    try {
        Index taken = 0;
        for (; reader.next(item); ++taken) check(item, size);
        if (reader.taken() != taken || taken + reader.faults().total() > static_cast<Index>(size)) std::abort();
    } catch (const Error&) {
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const InputFile file(bytes, size, ".records");
    for (const BadDocuments on_bad : {BadDocuments::fail, BadDocuments::skip}) {
        read(open_conversations(file.path(), {}, on_bad), Conversation{}, size);
        for (const PreferredReply preferred :
             {PreferredReply::only_safe_one, PreferredReply::safer, PreferredReply::better}) {
            read(open_preferences(file.path(), {.preferred = preferred}, on_bad), Preference{}, size);
        }
    }
    // Without checks nothing is promised but that it ends.
    auto unchecked = open_conversations(file.path(), {.check = false}, BadDocuments::skip);
    try {
        for (Conversation item; unchecked.next(item);) (void)roles_alternate(item);
    } catch (const Error&) {
    }
    return 0;
}
