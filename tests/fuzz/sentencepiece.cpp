// A SentencePiece model of any bytes: loaded, it encodes and decodes.

#include "input_file.hpp"

#include <lapidary/text/sentencepiece.hpp>

#include <string_view>
#include <vector>

using namespace lapidary;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const InputFile file(bytes, size, ".model");
    try {
        const SentencePiece tokenizer(file.path(), {{.id = 512, .content = "<x>"}});
        for (std::string_view text :
             {"", "Once upon  a time <x>", "e\u0301日本 \xF0\x9F\x99\n\n", "\u2581 0123 <s>"}) {
            try {
                const std::vector<TokenId> ids = tokenizer.encode(text);
                if (tokenizer.decode(ids).size() > size + 10000) std::abort();
            } catch (const Error&) {
            }
        }
        std::vector<TokenId> ids;
        for (Index id = 0; id < tokenizer.vocabulary_size(); ++id) ids.push_back(static_cast<TokenId>(id));
        if (tokenizer.decode(ids).size() > 10 * size + 10000) std::abort();
    } catch (const Error&) {
    }
    return 0;
}
