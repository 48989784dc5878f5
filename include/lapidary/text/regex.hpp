#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/io/quote.hpp>
#include <lapidary/text/unicode_tables.hpp>
#include <lapidary/text/utf8.hpp>

#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH 0  // the names for 8 bits are spelled out
#endif
#include <pcre2.h>

#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <string_view>

namespace lapidary::detail {

/// `text` as a regular expression should see it: characters that some version of PCRE2 may not know yet are
/// replaced by others of the same class and length. `text` itself where there are none, else in `storage`.
/// Well-formed UTF-8.
inline std::string_view with_stand_ins(std::string_view text, std::string& storage) {
    bool copied = false;
    for (std::size_t i = 0; i < text.size();) {
        if (static_cast<unsigned char>(text[i]) < 0xE0U) {  // there are none of one or two bytes
            ++i;
            continue;
        }
        const std::size_t length = utf8_length(text[i]);
        if (const StandIn* found = find_range(stand_ins, utf8_code_point(text.substr(i)))) {
            if (!copied) storage = text;
            copied = true;
            std::string character;
            append_utf8(character, found->character);
            storage.replace(i, length, character);
        }
        i += length;
    }
    return copied ? std::string_view(storage) : text;
}

/// A compiled regular expression (PCRE2, just in time) over UTF-8; `^` and `$` are those of a line, as Oniguruma
/// has them. Matching is const and safe in many threads.
class Regex {
public:
    /// Throws Error(unsupported) naming `where` if the pattern does not compile.
    Regex(const std::string& pattern, const std::string& where) : where_(where) {
        int code = 0;
        PCRE2_SIZE offset = 0;
        constexpr auto options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
        const std::unique_ptr<pcre2_compile_context_8, Free> context(pcre2_compile_context_create_8(nullptr));
        if (!context) throw std::bad_alloc();
        pcre2_set_parens_nest_limit_8(context.get(), 100);
        pcre2_set_max_pattern_length_8(context.get(), 20000);
        code_.reset(pcre2_compile_8(bytes(pattern), pattern.size(), options, &code, &offset, context.get()),
                    Free{});
        if (!code_) refuse(pattern, code, ErrorCode::unsupported);
        compiled_ = pcre2_jit_compile_8(code_.get(), PCRE2_JIT_COMPLETE) == 0;  // else it is interpreted
    }

    /// The first match that starts at or behind `from`. Throws Error(unsupported) if it needs too many steps.
    bool find(std::string_view text, std::size_t from, std::size_t& begin, std::size_t& end) const {
        static thread_local const std::unique_ptr<pcre2_match_data_8, Free> found(
            pcre2_match_data_create_8(1, nullptr));
        if (!found) throw std::bad_alloc();
        int count = PCRE2_ERROR_JIT_STACKLIMIT;
        if (compiled_) {
            count = pcre2_jit_match_8(code_.get(), bytes(text), text.size(), from, 0, found.get(), nullptr);
        }
        if (count == PCRE2_ERROR_JIT_STACKLIMIT) {  // the interpreter takes what it needs from the heap
            count = pcre2_match_8(code_.get(), bytes(text), text.size(), from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                                  found.get(), nullptr);
        }
        if (count == PCRE2_ERROR_NOMATCH) return false;
        if (count < 0) refuse("the pattern", count, ErrorCode::unsupported);
        const PCRE2_SIZE* const ends = pcre2_get_ovector_pointer_8(found.get());
        begin = ends[0];
        end = ends[1];
        if (begin < from || end < begin) {  // \K in odd places
            throw Error(ErrorCode::unsupported, "tokenizer", where_ + ": the pattern matches backwards");
        }
        return true;
    }

private:
    struct Free {
        void operator()(pcre2_code_8* code) const { pcre2_code_free_8(code); }
        void operator()(pcre2_match_data_8* data) const { pcre2_match_data_free_8(data); }
        void operator()(pcre2_compile_context_8* context) const { pcre2_compile_context_free_8(context); }
    };

    static PCRE2_SPTR8 bytes(std::string_view text) {
        return reinterpret_cast<PCRE2_SPTR8>(text.data() != nullptr ? text.data() : "");
    }
    [[noreturn]] void refuse(std::string_view pattern, int code, ErrorCode kind) const {
        unsigned char reason[256] = {};
        pcre2_get_error_message_8(code, reason, sizeof reason);
        throw Error(kind, "tokenizer",
                    where_ + ": " + quote(pattern) + ": " + reinterpret_cast<const char*>(reason));
    }

    std::shared_ptr<pcre2_code_8> code_;
    bool compiled_ = false;
    std::string where_;
};

}  // namespace lapidary::detail
