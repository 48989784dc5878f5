#include "catch.hpp"
#include "support.hpp"

#include <lapidary/core/philox.hpp>
#include <lapidary/data/decompressed.hpp>
#include <lapidary/data/document_row.hpp>
#include <lapidary/data/token_chunks.hpp>
#include <lapidary/text/sentencepiece.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace lapidary;
using test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

const fs::path tests = LAPIDARY_TEST_DATA;
const fs::path corpus = tests.parent_path() / "examples" / "corpus";

std::string decompressed_file(const fs::path& file) {
    const auto bytes = decompressed(std::make_unique<FileSource>(file), file.string());
    std::string contents;
    std::vector<char> buffer(1 << 16);
    while (const std::size_t count = bytes->read(buffer)) contents.append(buffer.data(), count);
    return contents;
}

// A prepared directory and, read anew, the files it was made from.
class Traced {
public:
    Traced(const fs::path& directory, const SentencePiece& tokenizer)
        : tokenizer_(tokenizer), manifest_(read_json(directory / data_manifest)) {
        for (const Json& input : manifest_["inputs"]) {
            files_.push_back(decompressed_file(input["file"].get<std::string>()));
        }
        const SafetensorsReader reader(directory / documents_file);
        const auto rows = reader.view<std::int64_t, 2>("documents");
        REQUIRE(rows.shape[1] == document_columns);
        for (Index i = 0; i < rows.shape[0]; ++i) {
            const auto row = rows.at(i);
            rows_.push_back({row[0], row[1], row[2], row[3], row[4], row[5], row[6]});
        }
    }

    [[nodiscard]] const Json& manifest() const { return manifest_; }
    [[nodiscard]] const std::vector<DocumentRow>& rows() const { return rows_; }
    [[nodiscard]] const std::string& file(const DocumentRow& row) const {
        return files_.at(static_cast<std::size_t>(row.file));
    }
    [[nodiscard]] std::string source(const DocumentRow& row) const {
        return manifest_["inputs"][static_cast<std::size_t>(row.file)]["source"];
    }

    // The ids of a document, from its bytes in its file.
    const std::vector<TokenId>& ids(Index i) {
        const auto [at, fresh] = ids_.try_emplace(i);
        if (!fresh) return at->second;
        const DocumentRow& row = rows_.at(static_cast<std::size_t>(i));
        const std::string line =
            file(row).substr(static_cast<std::size_t>(row.begin), static_cast<std::size_t>(row.end - row.begin));
        at->second = tokenizer_.encode(get<std::string>(parse_json(line, "line"), "text", "line"));
        at->second.push_back(tokenizer_.eos_id());
        return at->second;
    }

    // The ids of the window that starts so many ids into a document.
    std::vector<TokenId> window(Index document, Index offset, std::size_t length) {
        std::vector<TokenId> result;
        const std::string stream = source(rows_.at(static_cast<std::size_t>(document)));
        for (; result.size() < length; ++document, offset = 0) {
            REQUIRE(source(rows_.at(static_cast<std::size_t>(document))) == stream);
            const std::vector<TokenId>& all = ids(document);
            result.insert(result.end(), all.begin() + offset, all.end());
        }
        result.resize(length);
        return result;
    }

private:
    const SentencePiece& tokenizer_;
    Json manifest_;
    std::vector<std::string> files_;
    std::vector<DocumentRow> rows_;
    std::map<Index, std::vector<TokenId>> ids_;
};

void prepare_corpus(const fs::path& out, const SentencePiece& tokenizer, Index stride) {
    Recipe recipe{.name = "tracing", .context = 255, .stride = stride, .chunks = 4, .seed = 3};
    recipe.validation.share = 0.05;
    for (const char* name : {"c4.jsonl", "arxiv.jsonl.gz", "stackexchange.jsonl.zst"}) {
        recipe.sources.push_back({.name = name, .files = {name}});
    }
    recipe.sources[2].epochs = 2;
    PreparationOptions options;
    options.workers = 2;
    options.decoding = decompressed;
    Preparation(out, recipe, find_inputs(recipe, corpus).files, tokenizer, options).run();
}

}  // namespace

TEST_CASE("a thousand windows lead back to the bytes of their documents", "[tracing]") {
    const SentencePiece tokenizer(tests / "text/data/tok512.model");
    const TemporaryFolder folder;
    for (const Index stride : {256, 255}) {
        const auto out = folder / std::to_string(stride);
        prepare_corpus(out, tokenizer, stride);
        Traced traced(out, tokenizer);
        const TokenChunks chunks(out, {.batch_size = 1});
        const Philox random(17, "a test's windows", 0);
        int same = 0;
        std::map<std::string, int> from;
        for (std::uint64_t i = 0; i < 500; ++i) {
            const auto words = random.bits(i);
            const auto c = static_cast<Index>(words[0] % 5);  // 4 chunks, and what is held out
            const WindowFile& file = c < 4 ? chunks.chunk(c) : chunks.validation();
            const auto row = static_cast<Index>(words[1]) % file.windows();
            const WindowOrigin origin = file.origin(row);
            const DocumentRow& document = traced.rows().at(static_cast<std::size_t>(origin.document));
            CAPTURE(stride, c, row, origin.document, origin.offset);
            REQUIRE(origin.offset < document.tokens);
            REQUIRE((document.start + origin.offset) % stride == 0);
            REQUIRE(origin.source == document.label);
            const std::vector<TokenId> ids = traced.window(origin.document, origin.offset, 256);
            REQUIRE(ids == test::window(file, row));
            ++same;
            ++from[traced.source(document) + (c < 4 ? "" : " held out") + (origin.epoch > 0 ? " again" : "")];
        }
        CHECK(same == 500);
        CHECK(from.size() == 7);  // three sources, each also held out; one of them twice
    }
}

TEST_CASE("every document's row tells its place", "[tracing]") {
    const SentencePiece tokenizer(tests / "text/data/tok512.model");
    const TemporaryFolder folder;
    prepare_corpus(folder / "out", tokenizer, 256);
    const Traced traced(folder / "out", tokenizer);
    REQUIRE(traced.rows().size() == 229 + 8 + 499);
    const Json& sources = traced.manifest()["sources"];
    DocumentRow before{.label = -1, .file = -1};
    Index line = 1;
    bool good = true;
    for (const DocumentRow& row : traced.rows()) {
        const std::string& file = traced.file(row);
        const auto begin = static_cast<std::size_t>(row.begin);
        const auto end = static_cast<std::size_t>(row.end);
        if (row.file != before.file) {
            good = good && row.file == before.file + 1 && row.begin == 0 && row.line == 1;
            before = {.end = -1};
            line = 1;
        } else {
            line += std::count(file.begin() + before.begin, file.begin() + row.begin, '\n');
        }
        good = good && row.line == line && row.begin == before.end + 1;
        good = good && begin < end && end <= file.size() && file[begin] == '{' && file[end - 1] == '}';
        good = good && (end == file.size() || file[end] == '\n');
        good = good && row.start == before.start + before.tokens && row.tokens > 1;
        good = good && sources[static_cast<std::size_t>(row.label)]["name"] == traced.source(row);
        before = row;
    }
    CHECK(good);
    for (std::size_t s = 0; s < 3; ++s) {
        Index documents = 0;
        Index tokens = 0;
        for (const DocumentRow& row : traced.rows()) {
            if (row.label != static_cast<Index>(s)) continue;
            ++documents;
            tokens += row.tokens;
        }
        CHECK(sources[s]["documents"] == documents);
        CHECK(sources[s]["tokens"] == tokens);
    }
}
