#pragma once

#include <lapidary/data/conversation_records.hpp>
#include <lapidary/data/hh_dialogue.hpp>
#include <lapidary/data/preference.hpp>
#include <lapidary/data/record_faults.hpp>
#include <lapidary/io/json.hpp>

#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// Which reply a row of PKU-SafeRLHF prefers.
enum class PreferredReply {
    only_safe_one,  ///< the one labelled safe, where exactly one is (AMBERSAFE); other rows are `undecided`
    safer,          ///< the row's `safer_response_id`
    better,         ///< the row's `better_response_id`
};

/// How records become preferences.
struct PreferenceRules {
    PreferredReply preferred = PreferredReply::only_safe_one;
    ChatRoleNames roles{};
};

namespace detail {

inline Preference read_pku(const Json& record, PreferredReply preferred, const std::string& where) {
    const std::string replies[] = {get<std::string>(record, "response_0", where),
                                   get<std::string>(record, "response_1", where)};
    const bool safe[] = {get<bool>(record, "is_response_0_safe", where),
                         get<bool>(record, "is_response_1_safe", where)};
    std::size_t chosen = safe[1] ? 1 : 0;
    if (preferred == PreferredReply::only_safe_one) {
        if (safe[0] == safe[1]) {
            throw BadRecord(RecordFault::undecided, where,
                            safe[0] ? "both replies are safe" : "neither reply is safe");
        }
    } else {
        const char* key = preferred == PreferredReply::safer ? "safer_response_id" : "better_response_id";
        const auto id = get<Index>(record, key, where);
        if (id != 0 && id != 1) {
            throw BadRecord(RecordFault::undecided, where, quote(key) + " is " + std::to_string(id));
        }
        chosen = static_cast<std::size_t>(id);
    }
    return {.prompt = {.turns = {{.role = ChatRole::user, .text = get<std::string>(record, "prompt", where)}}},
            .chosen = replies[chosen],
            .rejected = replies[1 - chosen],
            .chosen_safe = safe[chosen],
            .rejected_safe = safe[1 - chosen]};
}

inline Preference read_hh(const Json& record, const std::string& where) {
    std::vector<Turn> chosen = read_hh_dialogue(get<std::string>(record, "chosen", where), where);
    std::vector<Turn> rejected = read_hh_dialogue(get<std::string>(record, "rejected", where), where);
    if (chosen.back().role != ChatRole::assistant || rejected.back().role != ChatRole::assistant) {
        throw BadRecord(RecordFault::wrong_order, where, "a dialogue does not end with the assistant");
    }
    Preference preference{.chosen = chosen.back().text, .rejected = rejected.back().text};
    chosen.pop_back();
    rejected.pop_back();
    if (chosen != rejected) {
        throw BadRecord(RecordFault::different_prompts, where, "the dialogues differ before their last reply");
    }
    preference.prompt.turns = std::move(chosen);
    return preference;
}

/// A reply as a turn of the assistant's, or as its text alone.
inline std::string read_reply(const Json& record, const char* key, const ChatRoleNames& roles,
                              const std::string& where) {
    if (!get<Json>(record, key, where).is_object()) return get<std::string>(record, key, where);
    Turn reply = read_turn(record.at(key), roles, true, quote(key), where);
    if (reply.role != ChatRole::assistant) {
        throw BadRecord(RecordFault::wrong_order, where, quote(key) + " is not the assistant's");
    }
    return std::move(reply.text);
}

inline void check_preference(const Preference& preference, const std::string& where) {
    check_turns(preference.prompt, where);
    if (preference.prompt.turns.size() % 2 == 0) {
        throw BadRecord(RecordFault::wrong_order, where, "the prompt does not end with the user");
    }
    check_text(preference.chosen, "the reply chosen", where);
    check_text(preference.rejected, "the reply rejected", where);
    if (preference.chosen == preference.rejected) {
        throw BadRecord(RecordFault::identical, where, "the reply chosen is the one rejected");
    }
}

}  // namespace detail

/// A preference out of a record, by the keys that it has:
/// - `response_0`, `response_1` and labels: PKU-SafeRLHF as it is published;
/// - `prompt` and `response`, a list of the better and the worse reply;
/// - `conversations` or `prompt`, `chosen` and `rejected`;
/// - `chosen` and `rejected` alone, two dialogues written out: HH-RLHF.
/// `where` names file and place. Throws BadRecord, and Error(format) for a field that is missing or of another
/// type.
inline Preference read_preference(const Json& record, const std::string& where,
                                  const PreferenceRules& rules = {}) {
    if (!record.is_object()) throw BadRecord(RecordFault::malformed, where, "not a JSON object");
    Preference preference;
    const auto prompt = [&] {
        return Turn{.role = ChatRole::user, .text = get<std::string>(record, "prompt", where)};
    };
    if (record.contains("response_0")) {
        preference = detail::read_pku(record, rules.preferred, where);
    } else if (record.contains("response")) {
        const auto replies = get<std::vector<std::string>>(record, "response", where);
        if (replies.size() != 2) {
            throw BadRecord(RecordFault::missing_field, where,
                            "'response' has " + std::to_string(replies.size()) + " replies, expected 2");
        }
        preference = {.prompt = {.turns = {prompt()}}, .chosen = replies[0], .rejected = replies[1]};
    } else if (record.contains("conversations") || record.contains("prompt")) {
        if (record.contains("conversations")) {
            preference.prompt =
                detail::with_system(detail::read_turns(record, "conversations", rules.roles, true, where));
        } else {
            preference.prompt.turns = {prompt()};
        }
        preference.chosen = detail::read_reply(record, "chosen", rules.roles, where);
        preference.rejected = detail::read_reply(record, "rejected", rules.roles, where);
    } else {
        preference = detail::read_hh(record, where);
    }
    detail::check_preference(preference, where);
    return preference;
}

}  // namespace lapidary
