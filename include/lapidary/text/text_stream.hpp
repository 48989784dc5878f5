#pragma once

#include <lapidary/text/tokenizer.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lapidary {

/// Decodes ids that come one by one, and gives out text as soon as it is settled: no half characters, no space
/// that the start of a text loses. All that `add` and `finish` return, joined, is what `decode` gives for all ids;
/// a token costs the same however many came before.
///
/// A tokenizer may bring a `Stream` of its own. For others this holds if `decode` is such that further ids change
/// nothing of its text but U+FFFD at the end, and that after some text it depends on the ids since then alone.
template <Tokenizer T>
class TextStream {
public:
    /// The tokenizer must outlive it.
    explicit TextStream(const T& tokenizer) : tokenizer_(&tokenizer) {}

    /// The text that is settled by one more id, often but not always that of the id. Throws what `decode` throws.
    std::string add(TokenId id) {
        ids_.push_back(id);
        std::string text = tokenizer_->decode(ids_);
        std::size_t settled = text.size();
        for (int i = 0; i < longest_unfinished && std::string_view(text).substr(0, settled).ends_with(replacement);
             ++i) {
            settled -= replacement.size();
        }
        const bool complete = settled == text.size();
        std::string fresh = text.substr(std::min(shown_, settled), settled - std::min(shown_, settled));
        shown_ = std::max(shown_, settled);
        if (complete) forget();
        return fresh;
    }

    /// The rest: U+FFFD for bytes that did not become a character.
    std::string finish() {
        std::string text = tokenizer_->decode(ids_);
        return text.substr(std::min(shown_, text.size()));
    }

private:
    static constexpr std::string_view replacement = "\xEF\xBF\xBD";
    static constexpr int longest_unfinished = 3;  // bytes of a character, each of which may show as U+FFFD

    /// Keeps what came since the last time if it has a text: that is all that the next id can depend on.
    void forget() {
        const std::string text = tokenizer_->decode(std::span<const TokenId>(ids_).subspan(known_));
        if (text.empty()) return;
        ids_.erase(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(known_));
        known_ = ids_.size();
        shown_ = text.size();
    }

    const T* tokenizer_;
    std::vector<TokenId> ids_;  // since some settled place
    std::size_t known_ = 0;     // so many of them only lead up to those that count
    std::size_t shown_ = 0;     // bytes of their text that are given out
};

template <Tokenizer T>
    requires requires { typename T::Stream; }
class TextStream<T> : public T::Stream {
public:
    explicit TextStream(const T& tokenizer) : T::Stream(tokenizer) {}
};

}  // namespace lapidary
