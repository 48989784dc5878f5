#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/io/json_parse.hpp>

#include <array>
#include <cstddef>
#include <numeric>
#include <string>
#include <string_view>

namespace lapidary {

/// Why a conversation or a preference is not trained on.
enum class RecordFault {
    malformed,          ///< not JSON, not an object, or not a dialogue where one is written out
    too_long,           ///< more bytes than the limit
    missing_field,      ///< a field is not there, or of another type
    unknown_role,       ///< a turn is of neither the system, the user nor the assistant
    wrong_order,        ///< user and assistant do not take turns, or the system speaks later than first
    empty_turn,         ///< a text is empty, or white space alone
    no_answer,          ///< no turn is the assistant's
    nul,                ///< a NUL character: not text
    identical,          ///< the reply chosen is the one rejected
    different_prompts,  ///< the two dialogues of a pair differ before their last reply
    undecided,          ///< the labels prefer neither reply: a choice, never an error
    ambiguous,          ///< its text spells marks of the template, so that nothing tells which of it is whose
    count_,
};

inline constexpr std::array<std::string_view, static_cast<std::size_t>(RecordFault::count_)> record_fault_names{
    "malformed", "too_long", "missing_field", "unknown_role",      "wrong_order", "empty_turn",
    "no_answer", "nul",      "identical",     "different_prompts", "undecided",   "ambiguous"};

[[nodiscard]] inline std::string_view name_of(RecordFault fault) {
    return record_fault_names[static_cast<std::size_t>(fault)];
}

/// What is wrong with a record, and where; an Error(format).
class BadRecord : public Error {
public:
    /// `where`: the file and the place in it.
    BadRecord(RecordFault fault, const std::string& where, const std::string& why)
        : Error(ErrorCode::format, "records", where + ": " + std::string(name_of(fault)) + ": " + why),
          fault_(fault) {}

    [[nodiscard]] RecordFault fault() const noexcept { return fault_; }

private:
    RecordFault fault_;
};

/// How many records were left out for each reason.
class RecordFaultCounts {
public:
    [[nodiscard]] Index& operator[](RecordFault fault) { return counts_[static_cast<std::size_t>(fault)]; }
    [[nodiscard]] Index operator[](RecordFault fault) const { return counts_[static_cast<std::size_t>(fault)]; }
    [[nodiscard]] Index total() const { return std::accumulate(counts_.begin(), counts_.end(), Index{0}); }

    RecordFaultCounts& operator+=(const RecordFaultCounts& other) {
        for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
        return *this;
    }
    [[nodiscard]] Json json() const {
        Json object = Json::object();
        for (std::size_t i = 0; i < counts_.size(); ++i) object[std::string(record_fault_names[i])] = counts_[i];
        return object;
    }

private:
    std::array<Index, record_fault_names.size()> counts_{};
};

}  // namespace lapidary
