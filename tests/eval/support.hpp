#pragma once

#include "io/support.hpp"

#include <lapidary/eval/request_encoder.hpp>
#include <lapidary/io/file.hpp>
#include <lapidary/text/sentencepiece.hpp>

#include <filesystem>
#include <string>

namespace lapidary::test {

using io_test::TemporaryDirectory;

inline std::filesystem::path eval_data() { return std::filesystem::path(LAPIDARY_TEST_DATA) / "eval" / "data"; }

/// The tokenizer of stories260K.
inline AnyTokenizer story_tokenizer() {
    const auto file = std::filesystem::path(LAPIDARY_TEST_DATA) / "text" / "data" / "tok512.model";
    return AnyTokenizer(std::make_shared<const SentencePiece>(file));
}

/// Writes a file and what directories it needs.
inline std::filesystem::path put(const std::filesystem::path& file, const std::string& text) {
    std::filesystem::create_directories(file.parent_path());
    write_file_durably(file, text);
    return file;
}

}  // namespace lapidary::test
