#pragma once

#include <lapidary/core/philox.hpp>
#include <lapidary/text/tokenizer.hpp>
#include <lapidary/text/utf8.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Text that a tokenizer may meet, and worse. tests/golden/make_tokenizers.py draws the same: change both or none.

inline constexpr std::string_view random_words[] = {
    "the",
    " the",
    "The",
    " of",
    " and",
    "ing",
    "Hello",
    " world",
    "don't",
    "we'll",
    "I'VE",
    "x86_64",
    "naïve",
    "Straße",
    "日本語",
    "привет",
    "मानक",
    "🙂",
    "👩‍👩‍👧",
    "é",
    "e\u0301",
    "ﬁ",
    "ǅ",
    "Å",
    "½",
    "²",
    "٣",
    "Ⅷ",
    "①",
    "⁇",
    "▁",
    "�",
    "\u00A0",
    "\u200B",
    "<s>",
    "</s>",
    "<unk>",
    "<|endoftext|>",
    "<|fim_prefix|>",
    "|||MAIL|||",
    "<mask>",
    "<sep>",
    "solo",
    "<0x0A>",
    "def f(x):\n    return x\n",
    "\r\n",
    "\t\t",
    "1234567",
    "3.14",
    "...",
    "!?",
    "``",
    "''",
    "--",
    "$",
    "\"",
};
inline constexpr std::string_view random_runs[] = {" ", "a", "\n", "0", ".", "é", "日", "\u3000", "=", "\t"};

/// The bytes of random text number `item`; not always well-formed.
inline std::string random_text(std::uint64_t item) {
    const lapidary::Philox random(2024, "text", item);
    const std::uint32_t units = random.bits(0)[0] % 24;
    std::string text;
    for (std::uint32_t unit = 1; unit <= units; ++unit) {
        const std::array<std::uint32_t, 4> r = random.bits(unit);
        switch (r[0] % 16) {
            case 0:
                lapidary::append_utf8(text, r[1] % 0x80);
                break;
            case 1: {
                const std::uint32_t point = r[1] % (0x110000 - 0x800);
                lapidary::append_utf8(text, point < 0xD800 ? point : point + 0x800);
                break;
            }
            case 2:
                lapidary::append_utf8(text, 0x80 + r[1] % 0x3000);
                break;
            case 3:
                lapidary::append_utf8(text, 0x10000 + r[1] % 0x4000);
                break;
            case 4:
                lapidary::append_utf8(text, 0x300 + r[1] % 0x70);
                break;
            case 5:
                lapidary::append_utf8(text, 0x1100 + r[1] % 0x100);
                break;
            case 6:
                lapidary::append_utf8(text, 0xAC00 + r[1] % 0x2BA4);
                break;
            case 7:
                for (std::uint32_t i = 0; i <= r[2] % 40; ++i) text += random_runs[r[1] % std::size(random_runs)];
                break;
            case 8:
                for (std::uint32_t i = 0; i <= r[2] % 4; ++i) text += static_cast<char>((r[1] >> (8 * i)) & 0xFFU);
                break;
            case 9:
                text += std::to_string(r[1] >> (r[2] % 32));
                break;
            case 10:
                text.append(1 + r[2] % 4, ' ');
                break;
            default:
                text += random_words[r[1] % std::size(random_words)];
        }
    }
    return text;
}

/// Random ids below `size`.
inline std::vector<lapidary::TokenId> random_ids(std::uint64_t item, std::uint32_t size) {
    const lapidary::Philox random(2024, "ids", item);
    std::vector<lapidary::TokenId> ids(random.bits(0)[0] % 24);
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const auto r = random.bits(i + 1);
        ids[i] = static_cast<lapidary::TokenId>(r[1] % (r[0] % 2 == 0 ? size : size < 300 ? size : 300));
    }
    return ids;
}
