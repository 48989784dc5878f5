#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/text/open_tokenizer.hpp>

#include <filesystem>
#include <string>

/// The tokenizer of a Hugging Face directory. Throws Error(format) if it has more tokens than the model's
/// `vocabulary`, and what `open_tokenizer` throws.
inline lapidary::AnyTokenizer open_fitting_tokenizer(const char* program, const std::filesystem::path& directory,
                                                     lapidary::Index vocabulary) {
    lapidary::AnyTokenizer tokenizer = lapidary::open_tokenizer(directory);
    if (tokenizer.vocabulary_size() > vocabulary) {
        throw lapidary::Error(lapidary::ErrorCode::format, program,
                              directory.string() + ": the tokenizer has " +
                                  std::to_string(tokenizer.vocabulary_size()) + " tokens, the model " +
                                  std::to_string(vocabulary));
    }
    return tokenizer;
}
