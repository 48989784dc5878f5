#pragma once

#include <lapidary/data/record_faults.hpp>
#include <lapidary/text/conversation.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lapidary {

/// The turns of a dialogue as HH-RLHF writes it out: `\n\nHuman: ...\n\nAssistant: ...`; of each the space behind
/// the colon is no part. A turn that quotes such a mark at the start of a paragraph is two, as nobody can tell.
/// Throws BadRecord naming `where` if something stands before the first mark, or there is none.
inline std::vector<Turn> read_hh_dialogue(std::string_view text, const std::string& where) {
    constexpr std::string_view human = "\n\nHuman:", assistant = "\n\nAssistant:";
    std::vector<Turn> turns;
    if (!text.starts_with(human) && !text.starts_with(assistant)) {
        throw BadRecord(RecordFault::malformed, where,
                        "the dialogue does not begin with 'Human:' or 'Assistant:'");
    }
    while (!text.empty()) {
        const bool user = text.starts_with(human);
        text.remove_prefix(user ? human.size() : assistant.size());
        const std::size_t end = std::min({text.find(human), text.find(assistant), text.size()});
        std::string_view said = text.substr(0, end);
        if (said.starts_with(' ')) said.remove_prefix(1);
        turns.push_back({.role = user ? ChatRole::user : ChatRole::assistant, .text = std::string(said)});
        text.remove_prefix(end);
    }
    return turns;
}

}  // namespace lapidary
