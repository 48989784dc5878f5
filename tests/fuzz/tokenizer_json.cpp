// A tokenizer.json of any bytes: loaded, it encodes and decodes.

#include "input_file.hpp"

#include <lapidary/text/tokenizer_json.hpp>

#include <string_view>
#include <vector>

using namespace lapidary;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const InputFile file(bytes, size, ".json");
    try {
        const JsonTokenizer tokenizer(file.path());
        for (std::string_view text :
             {"", "It's  x = 12345 <s>", "e\u0301日本 \xF0\x9F\x99 |||MAIL||| solo\n\n", "\u1E030"}) {
            try {
                const std::vector<TokenId> ids = tokenizer.encode(text);
                if (tokenizer.decode(ids).size() > 10000) std::abort();
            } catch (const Error&) {
            }
        }
        std::vector<TokenId> ids;
        for (Index id = 0; id < tokenizer.vocabulary_size(); id += 7) ids.push_back(static_cast<TokenId>(id));
        if (tokenizer.decode(ids).size() > 1000 * size + 10000) std::abort();
    } catch (const Error&) {
    }
    return 0;
}
