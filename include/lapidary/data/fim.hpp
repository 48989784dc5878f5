#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/data/fim_counts.hpp>
#include <lapidary/data/fim_draw.hpp>
#include <lapidary/data/fim_segment.hpp>
#include <lapidary/text/tokenizer.hpp>
#include <lapidary/text/utf8.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary {

struct FimOptions {
    double rate = 0.9;      ///< share of the segments that are transformed
    double spm_rate = 0.5;  ///< share of these that have the suffix first
    FimTokens tokens;
    TokenId eos = -1;
    std::uint64_t seed = 0;
    Index vocabulary = 0;  ///< of the model, which may have ids that the tokenizer has not; 0: the tokenizer's
};

/// Fill in the middle, as CrystalCoder's data were made: the segments between the ends of sequences of a window
/// are cut into prefix, middle and suffix at two characters, tokenized anew and put in another order, so that a
/// model learns to write what stands between two texts.
///
/// A pure function of (window, options, source, epoch, window's index), safe to call from many threads. A segment
/// stays as it is where its text would not come back (`FimCounts` has the reasons), so `fim_original` is exact; an
/// empty one stays empty. Text is what ids decode to: of a segment that begins amid a document, SentencePiece
/// leaves the first space out. Source: Bavarian et al., "Efficient training of language models to fill in the
/// middle", 2022; the order SPM is its second variant.
template <Tokenizer T>
class Fim {
public:
    /// The tokenizer must outlive it. Throws Error(value) for rates outside [0, 1], ids that are not distinct or
    /// not in the vocabulary.
    Fim(const T& tokenizer, FimOptions options) : tokenizer_(&tokenizer), options_(options) {
        check_rate("rate", options.rate);
        check_rate("spm_rate", options.spm_rate);
        const Index size = options.vocabulary == 0 ? tokenizer.vocabulary_size() : options.vocabulary;
        const auto [prefix, middle, suffix, pad] = options.tokens;
        const std::array<std::pair<const char*, TokenId>, 5> ids{
            {{"prefix", prefix}, {"middle", middle}, {"suffix", suffix}, {"pad", pad}, {"eos", options.eos}}};
        for (auto id = ids.begin(); id != ids.end(); ++id) {
            if (id->second < 0 || id->second >= size) {
                refuse("the id " + std::to_string(id->second) + " of '" + id->first +
                       "' is not in the vocabulary of " + std::to_string(size));
            }
            for (auto other = ids.begin(); other != id; ++other) {
                if (other->second == id->second) {
                    refuse(std::string("'") + other->first + "' and '" + id->first + "' are one id, " +
                           std::to_string(id->second));
                }
            }
        }
        find_silent();
    }

    [[nodiscard]] const FimOptions& options() const { return options_; }

    /// The draw of a segment. Throws Error(value) if the place is out of range.
    [[nodiscard]] FimDraw draw(const FimPlace& place) const { return {options_.seed, place}; }

    /// A window of T + 1 ids, transformed, as T + 1 ids: the segments of its first T joined again and an end of
    /// sequence behind them, of which what is too much is cut off and what is missing is padding. With a rate of 0
    /// the window itself. Throws Error(value) for a window of less than two ids or a place that is out of range.
    [[nodiscard]] std::vector<TokenId> operator()(std::span<const TokenId> window, Index source, Index epoch,
                                                  Index window_index, FimCounts& counts) const {
        return with_draws(
            window,
            [&](Index segment) {
                return draw({source, epoch, window_index, segment});
            },
            counts);
    }

    /// The same with draws of the caller's own: `draws(segment)` gives something with the members of `FimDraw`.
    template <class Draws>
    [[nodiscard]] std::vector<TokenId> with_draws(std::span<const TokenId> window, Draws&& draws,
                                                  FimCounts& counts) const {
        if (window.size() < 2) refuse("a window of " + std::to_string(window.size()) + " ids");
        ++counts.windows;
        if (options_.rate == 0.0) return {window.begin(), window.end()};
        std::vector<TokenId> ids;
        ids.reserve(window.size() + window.size() / 4);
        std::span<const TokenId> rest = window.first(window.size() - 1);
        for (Index segment = 0;; ++segment) {
            const auto length = static_cast<std::size_t>(std::ranges::find(rest, options_.eos) - rest.begin());
            const std::vector<TokenId> made = this->segment(rest.first(length), draws(segment), counts);
            ids.insert(ids.end(), made.begin(), made.end());
            ids.push_back(options_.eos);
            if (length == rest.size()) break;
            rest = rest.subspan(length + 1);
        }
        fit(ids, window.size(), counts);
        return ids;
    }

    /// One segment, transformed if the draw says so; it must not hold an end of sequence.
    template <class Draw>
    [[nodiscard]] std::vector<TokenId> segment(std::span<const TokenId> ids, const Draw& draw,
                                               FimCounts& counts) const {
        std::vector<TokenId> kept(ids.begin(), ids.end());
        if (ids.empty()) return kept;
        ++counts.segments;
        const auto keep = [&](Index& count) {
            ++count;
            return std::move(kept);
        };
        if (!draw.transformed(options_.rate)) return keep(counts.untouched);
        if (std::ranges::any_of(ids, [&](TokenId id) { return is_silent(id); })) return keep(counts.special);
        const std::string text = tokenizer_->decode(ids);
        if (!is_text(text) || std::ranges::count(ids, tokenizer_->unknown_id()) != 0) return keep(counts.not_text);
        const auto texts = detail::cut_text(text, draw.cut(detail::character_count(text)));
        const auto parts = detail::encode_parts(texts, *tokenizer_);
        for (const auto* part : {&parts.prefix, &parts.middle, &parts.suffix}) {
            for (TokenId id : *part) {
                if (id == options_.eos || options_.tokens.contain(id)) return keep(counts.reserved);
            }
        }
        const bool spm = draw.spm(options_.spm_rate);
        if (!detail::give_back(parts, texts, spm, *tokenizer_)) return keep(counts.lossy);
        ++(spm ? counts.spm : counts.psm);
        return detail::fim_ids(parts, spm, options_.tokens);
    }

private:
    [[noreturn]] static void refuse(const std::string& reason) { throw Error(ErrorCode::value, "fim", reason); }
    static void check_rate(const char* name, double rate) {
        if (!(rate >= 0.0 && rate <= 1.0)) {
            refuse(std::string("'") + name + "' is " + std::to_string(rate) + ", expected a number in [0, 1]");
        }
    }

    /// Whether decoding lost no bytes: those that make no character become U+FFFD.
    static bool is_text(std::string_view text) {
        return !text.empty() && valid_utf8(text) && text.find("\xEF\xBF\xBD") == std::string_view::npos;
    }

    void fit(std::vector<TokenId>& ids, std::size_t size, FimCounts& counts) const {
        if (ids.size() > size) {
            ++counts.truncated;
            counts.cut_tokens += static_cast<Index>(ids.size() - size);
        } else if (ids.size() < size) {
            ++counts.padded;
            counts.pad_tokens += static_cast<Index>(size - ids.size());
        }
        ids.resize(size, options_.tokens.pad);
    }

    /// Finds the ids that decode to nothing behind some text: text made from ids would lose them.
    void find_silent() {
        std::vector<TokenId> ids = tokenizer_->encode("a");
        const std::string without = tokenizer_->decode(ids);
        ids.push_back(0);
        silent_.resize(static_cast<std::size_t>(tokenizer_->vocabulary_size()));
        for (std::size_t id = 0; id < silent_.size(); ++id) {
            ids.back() = static_cast<TokenId>(id);
            silent_[id] = tokenizer_->decode(ids) == without;
        }
    }
    [[nodiscard]] bool is_silent(TokenId id) const {
        return id < 0 || static_cast<std::size_t>(id) >= silent_.size() || silent_[static_cast<std::size_t>(id)];
    }

    const T* tokenizer_;
    FimOptions options_;
    std::vector<bool> silent_;  // by id
};

}  // namespace lapidary
