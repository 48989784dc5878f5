#pragma once

#include <lapidary/text/unicode_tables.hpp>

#include <utf8proc.h>

namespace lapidary::detail {

/// Whether a character is part of words: letters, marks, decimal digits, letter numbers, connectors, joiners.
inline bool is_word_character(char32_t c) {
    if (const StandIn* known = find_range(stand_ins, c)) c = known->character;
    const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
    return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NL) ||
           category == UTF8PROC_CATEGORY_PC || c == 0x200C || c == 0x200D ||
           (c >= 0x24B6 && c <= 0x24E9) ||    // letters in circles
           (c >= 0x1F130 && c <= 0x1F149) ||  // in squares
           (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
}

}  // namespace lapidary::detail
