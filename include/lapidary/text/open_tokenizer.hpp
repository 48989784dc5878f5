#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/text/any_tokenizer.hpp>
#ifdef LAPIDARY_SENTENCEPIECE
#include <lapidary/text/added_tokens_file.hpp>
#include <lapidary/text/sentencepiece.hpp>
#endif
#ifdef LAPIDARY_TOKENIZERS
#include <lapidary/text/tokenizer_json.hpp>
#endif

#include <filesystem>
#include <memory>

namespace lapidary {

namespace detail {

inline AnyTokenizer open_sentencepiece(const std::filesystem::path& file,
                                       [[maybe_unused]] bool with_added_tokens) {
#ifdef LAPIDARY_SENTENCEPIECE
    return AnyTokenizer(std::make_shared<const SentencePiece>(
        file, with_added_tokens ? read_added_tokens(file.parent_path()) : std::vector<AddedToken>{}));
#else
    throw Error(ErrorCode::unsupported, "open_tokenizer",
                file.string() + ": this program was built without lapidary::sentencepiece");
#endif
}

inline AnyTokenizer open_tokenizer_json(const std::filesystem::path& file) {
#ifdef LAPIDARY_TOKENIZERS
    return AnyTokenizer(std::make_shared<const JsonTokenizer>(file));
#else
    throw Error(ErrorCode::unsupported, "open_tokenizer",
                file.string() + ": this program was built without lapidary::tokenizers");
#endif
}

}  // namespace detail

/// Opens a tokenizer: a Hugging Face directory, a `.json` file or a SentencePiece model.
///
/// Of a directory, its `tokenizer.model` with the tokens that other files add to it; where there is none, its
/// `tokenizer.json`. The model comes first because it is what LLaMA-like models were trained with: their
/// `tokenizer.json` is converted from it, and reads `<s>` in a text as the token. Throws Error(io) if there is
/// neither, Error(unsupported) if the program was built without the component that reads it, and what that throws.
inline AnyTokenizer open_tokenizer(const std::filesystem::path& path) {
    if (!std::filesystem::is_directory(path)) {
        return path.extension() == ".json" ? detail::open_tokenizer_json(path)
                                           : detail::open_sentencepiece(path, false);
    }
    if (std::filesystem::exists(path / "tokenizer.model")) {
        return detail::open_sentencepiece(path / "tokenizer.model", true);
    }
    if (std::filesystem::exists(path / "tokenizer.json"))
        return detail::open_tokenizer_json(path / "tokenizer.json");
    throw Error(ErrorCode::io, "open_tokenizer",
                path.string() + ": has neither tokenizer.model nor tokenizer.json");
}

}  // namespace lapidary
