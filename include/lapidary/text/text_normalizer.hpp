#pragma once

#include <lapidary/text/nfc.hpp>
#include <lapidary/text/regex.hpp>
#include <lapidary/text/split.hpp>
#include <lapidary/text/tokenizer_file.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary::detail {

/// The "normalizer" of a `tokenizer.json`: rewrites text before it is cut into pieces. Knows NFC, Prepend, Replace
/// and sequences of them.
class TextNormalizer {
public:
    TextNormalizer() = default;
    /// Throws Error(format) and Error(unsupported) naming file and key.
    explicit TextNormalizer(const FilePart& part) {
        for_each_part(part, "normalizers", [&](const FilePart& inner) { add(inner); });
    }

    /// The normalized text: `text` itself where nothing changes, else in `storage`. Well-formed UTF-8. Throws
    /// Error(unsupported) if it grows out of all proportion.
    std::string_view apply(std::string_view text, std::string& storage) const {
        const std::size_t before = text.size();
        for (const Step& step : steps_) {
            if (text.empty()) break;
            if (grows_too_much(before, text.size())) {
                throw Error(
                    ErrorCode::unsupported, "encode",
                    "the normalizer makes " + std::to_string(text.size()) + " bytes of " + std::to_string(before));
            }
            std::string next;
            const std::string_view result = apply(step, text, next);
            if (result.data() == text.data() && result.size() == text.size()) continue;
            storage = std::move(next);
            text = storage;
        }
        return text;
    }

private:
    struct Step {
        std::optional<SplitPattern> pattern;  // to be replaced by the content
        std::string content;
        bool prepend = false;  // the content; if neither: NFC
    };

    void add(const FilePart& part) {
        const std::string type = part.type();
        Step step;
        if (type == "Prepend") {
            step.content = read_replacement(part, "prepend");
            step.prepend = true;
        } else if (type == "Replace") {
            bool is_regex = false;
            const std::string pattern = read_pattern(part, is_regex);
            step.content = read_replacement(part, "content");
            step.pattern = is_regex ? SplitPattern(Regex(pattern, part.where)) : SplitPattern(pattern);
        } else if (type != "NFC") {
            part["type"].not_supported(type);
        }
        steps_.push_back(std::move(step));
    }

    static std::string_view apply(const Step& step, std::string_view text, std::string& storage) {
        if (step.prepend) return storage.append(step.content).append(text);
        if (!step.pattern) return nfc(text, storage);
        std::size_t done = 0;
        bool changed = false;
        step.pattern->for_each_match(text, [&](std::size_t begin, std::size_t end) {
            if (!changed) storage.reserve(text.size() + text.size() / 2);
            changed = true;
            storage.append(text.substr(done, begin - done)).append(step.content);
            done = end;
        });
        return changed ? std::string_view(storage.append(text.substr(done))) : text;
    }

    std::vector<Step> steps_;
};

}  // namespace lapidary::detail
