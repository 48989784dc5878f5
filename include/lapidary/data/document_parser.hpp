#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/data/discards.hpp>
#include <lapidary/data/document.hpp>
#include <lapidary/data/document_filter.hpp>
#include <lapidary/data/json_text.hpp>
#include <lapidary/data/languages.hpp>
#include <lapidary/data/text_blocks.hpp>
#include <lapidary/io/quote.hpp>
#include <lapidary/text/utf8.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary {

/// Documents out of blocks of text, by the rules of a recipe.
///
/// Every line of a JSON Lines file is one, lines of nothing but white space are passed over; a file that is one is
/// taken as it is. Pure functions of the block, safe to call from many threads. A faulty document gives
/// Error(format) naming file:line, or is left out and counted, as the recipe says; filters leave out and count.
class DocumentParser {
public:
    DocumentParser(const Recipe& recipe, std::vector<InputFile> files)
        : recipe_(recipe), files_(std::move(files)) {}

    [[nodiscard]] const InputFile& file(Index index) const { return files_[static_cast<std::size_t>(index)]; }
    [[nodiscard]] const RecipeSource& source(Index file_index) const {
        return recipe_.sources[static_cast<std::size_t>(file(file_index).source)];
    }

    /// The good documents of a block; those left out are added to `discards`.
    [[nodiscard]] std::vector<Document> documents(const TextBlock& block, DiscardCounts& discards) const {
        std::vector<Document> result;
        if (const auto reason = discard_by_name(source(block.file).filter, file(block.file).path)) {
            if (block.ends_file) ++discards[*reason];  // once a file
            return result;
        }
        for_each(block, discards, [&](DocumentPlace place, std::string_view bytes) {
            Document document{.place = place, .source = file(block.file).source};
            const bool good = file(block.file).whole() ? take_file(document, bytes, discards)
                                                       : take_line(document, bytes, discards);
            if (!good) return;
            if (const auto reason = discard_by_text(source(block.file).filter, document.text)) {
                ++discards[*reason];
                return;
            }
            document.label = label(block.file);
            result.push_back(std::move(document));
        });
        return result;
    }

    /// Calls `take(place, bytes)` for every line of a block that holds more than white space, or for the file that
    /// it is. What is too long is refused.
    template <class Take>
    void for_each(const TextBlock& block, DiscardCounts& discards, Take take) const {
        DocumentPlace place{.file = block.file, .line = block.first_line, .begin = block.begin};
        if (block.too_long) {
            const char* what = file(block.file).whole() ? "the file" : "the line";
            const std::string limit = std::to_string(recipe_.max_document_bytes);
            refuse(place, Discard::too_long, std::string(what) + " is longer than " + limit + " bytes", discards);
            return;
        }
        if (file(block.file).whole()) {
            place.end = block.begin + static_cast<Index>(block.text.size());
            take(place, std::string_view(block.text));
            return;
        }
        for (std::string_view rest = block.text; !rest.empty(); ++place.line) {
            const std::string_view line = rest.substr(0, rest.find('\n'));
            place.end = place.begin + static_cast<Index>(line.size());
            if (line.find_first_not_of(" \t\r") != std::string_view::npos) take(place, line);
            rest.remove_prefix(std::min(line.size() + 1, rest.size()));
            place.begin = place.end + 1;
        }
    }

    /// Counts a faulty document, or stops at it. Always false.
    bool refuse(const DocumentPlace& place, Discard reason, const std::string& why,
                DiscardCounts& discards) const {
        if (recipe_.on_bad == BadDocuments::fail) {
            throw Error(ErrorCode::format, "documents",
                        file(place.file).path.string() + ":" + std::to_string(place.line) + ": " + why);
        }
        ++discards[reason];
        return false;
    }
    /// The same for bytes that are not text; true if they are.
    bool check_text(const DocumentPlace& place, std::string_view bytes, DiscardCounts& discards) const {
        const std::size_t bad = find_invalid_utf8(bytes);
        if (bad == std::string_view::npos) return true;
        return refuse(place, Discard::bad_utf8, "byte " + std::to_string(bad + 1) + " is not UTF-8", discards);
    }

private:
    bool take_line(Document& document, std::string_view line, DiscardCounts& discards) const {
        using Outcome = detail::JsonTextField::Outcome;
        if (!check_text(document.place, line, discards)) return false;
        const std::string& wanted = source(document.place.file).field;
        detail::JsonTextField field(wanted);
        const std::string name = "the field " + quote(wanted);
        const auto no = [&](Discard reason, const std::string& why) {
            return refuse(document.place, reason, why, discards);
        };
        switch (field.read(line)) {
            case Outcome::nul:
                return no(Discard::nul, "NUL byte");
            case Outcome::malformed:
                return no(Discard::malformed, "not JSON: " + field.reason());
            case Outcome::not_an_object:
                return no(Discard::malformed, "not a JSON object");
            case Outcome::missing:
                return no(Discard::no_text, name + " is missing");
            case Outcome::not_a_string:
                return no(Discard::no_text, name + " is not a string");
            case Outcome::twice:
                return no(Discard::no_text, name + " is there twice");
            case Outcome::found:
                break;
        }
        document.text = std::move(field.text());
        if (document.text.empty()) return no(Discard::empty, name + " is empty");
        if (document.text.find('\0') != std::string::npos) return no(Discard::nul, name + " holds a NUL byte");
        return true;
    }

    bool take_file(Document& document, std::string_view bytes, DiscardCounts& discards) const {
        if (bytes.empty() && file(document.place.file).format == SourceFormat::tree) {
            ++discards[Discard::empty];  // common among source files, and no fault
            return false;
        }
        if (bytes.empty()) return refuse(document.place, Discard::empty, "the file is empty", discards);
        if (const std::size_t nul = bytes.find('\0'); nul != std::string_view::npos) {
            return refuse(document.place, Discard::nul, "byte " + std::to_string(nul + 1) + " is NUL: not text",
                          discards);
        }
        if (!check_text(document.place, bytes, discards)) return false;
        document.text = bytes;
        return true;
    }

    // Documents of a tree count by language.
    [[nodiscard]] std::string label(Index file_index) const {
        if (file(file_index).format != SourceFormat::tree) return {};
        const std::string_view language = language_of(file(file_index).path);
        return source(file_index).name + "/" + std::string(language.empty() ? "other" : language);
    }

    Recipe recipe_;
    std::vector<InputFile> files_;
};

}  // namespace lapidary
