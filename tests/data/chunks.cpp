#include "catch.hpp"
#include "support.hpp"

#include <lapidary/data/chunk_writer.hpp>
#include <lapidary/data/token_chunks.hpp>
#include <lapidary/data/windows.hpp>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace lapidary;
using test::ByteTokenizer;
using test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

// Documents of many lengths, all different.
void write_corpus(const TemporaryFolder& folder) {
    for (const auto& [name, count] : {std::pair{"wiki.jsonl", 90}, std::pair{"books.jsonl", 37}}) {
        std::string lines;
        for (int i = 0; i < count; ++i) {
            std::string text = name + std::to_string(i) + " ";
            for (int k = 0; k < i * i % 211; ++k) text += static_cast<char>('a' + (k * i + k) % 26);
            lines += "{\"text\":\"" + text + "\"}\n";
        }
        test::write(folder / name, lines);
    }
}

struct Prepared {
    ChunkCounts counts;
    std::vector<TokenizedDocument> documents;
    std::vector<Window> windows;
};

Prepared prepare(const TemporaryFolder& folder, const std::string& out, Index chunks = 4,
                 double validation = 0.2) {
    Prepared result;
    DocumentReader reader({{folder / "wiki.jsonl", 0}, {folder / "books.jsonl", 1}});
    ChunkWriter writer(folder / out, {.chunks = chunks,
                                      .context = 16,
                                      .vocabulary = 259,
                                      .sources = {"wiki", "books"},
                                      .validation = validation,
                                      .seed = 5});
    const ByteTokenizer tokenizer;
    const auto trace = ranges::views::transform([&](TokenizedDocument document) {
        writer.add_document(document);
        result.documents.push_back(document);
        return document;
    });
    for (const Window& window : documents(reader) | tokenize(tokenizer) | trace | pack(16)) {
        result.windows.push_back(window);
        writer.add(window);
    }
    result.counts = writer.finish({{"recipe", "test"}});
    return result;
}

std::map<std::string, std::string> contents(const fs::path& directory) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(directory)) {
        files[entry.path().filename().string()] = test::read(entry.path());
    }
    return files;
}

std::vector<std::int32_t> row_of(const WindowFile& file, Index row) {
    std::vector<std::int32_t> tokens(static_cast<std::size_t>(file.context()) + 1);
    file.read(row, tokens.data());
    return tokens;
}

// Writes one window of these tokens for every chunk and opens the result, without going through a corpus.
void write_one(const fs::path& directory, Index vocabulary, const std::vector<TokenId>& tokens) {
    ChunkWriter writer(directory, {.chunks = 1,
                                   .context = static_cast<Index>(tokens.size()) - 1,
                                   .vocabulary = vocabulary,
                                   .sources = {"only"}});
    writer.add_document({tokens, 0, "f", 1, 0});
    writer.add({tokens, 0, 0, 0});
    writer.finish();
}

// Overwrites a file and records the new hash, as someone would who wants to deceive.
void forge(const fs::path& directory, const std::string& name, const std::string& bytes) {
    test::write(directory / name, bytes);
    Json manifest = read_json(directory / data_manifest);
    manifest["sha256"][name] = sha256_file(directory / name);
    write_json(directory / data_manifest, manifest);
}

ErrorCode refusal(const fs::path& directory, const std::string& part) {
    try {
        const TokenChunks chunks(directory, {.batch_size = 1});
    } catch (const Error& error) {
        CHECK_THAT(error.what(), ContainsSubstring(part));
        return error.code();
    }
    FAIL("was accepted");
    return ErrorCode::io;
}

}  // namespace

TEST_CASE("windows are dealt in turn and every one is accounted for", "[chunks]") {
    const TemporaryFolder folder;
    write_corpus(folder);
    const Prepared prepared = prepare(folder, "out");
    const TokenChunks chunks(folder / "out", {.batch_size = 2});
    CHECK(chunks.context() == 16);
    CHECK(chunks.vocabulary() == 259);
    CHECK(chunks.chunk_count() == 4);
    CHECK(chunks.sources() == std::vector<std::string>{"wiki", "books"});

    // Held out by the draw, the others dealt in turn source by source.
    std::vector<std::vector<std::vector<TokenId>>> expected(4);
    std::vector<std::vector<TokenId>> held_out;
    for (std::int32_t source : {0, 1}) {
        std::vector<std::vector<TokenId>> kept;
        Index number = 0;
        const Philox draw(5, "validation", static_cast<std::uint64_t>(source));
        for (const Window& window : prepared.windows) {
            if (window.source != source) continue;
            (draw.uniform(static_cast<std::uint64_t>(number++)) < 0.2 ? held_out : kept).push_back(window.tokens);
        }
        const SourceCounts& counts = prepared.counts.sources[static_cast<std::size_t>(source)];
        CHECK(counts.windows == number);
        CHECK(counts.training == static_cast<Index>(kept.size() / 4 * 4));
        CHECK(counts.dropped_windows == static_cast<Index>(kept.size() % 4));
        CHECK(counts.dropped_tokens == counts.tokens - 17 * (counts.training + counts.validation));
        for (std::size_t i = 0; i < kept.size() / 4 * 4; ++i) expected[i % 4].push_back(kept[i]);
    }
    for (Index c = 0; c < 4; ++c) {
        const auto& rows = expected[static_cast<std::size_t>(c)];
        REQUIRE(chunks.chunk(c).windows() == static_cast<Index>(rows.size()));
        for (Index row = 0; row < chunks.chunk(c).windows(); ++row) {
            CHECK(row_of(chunks.chunk(c), row) == rows[static_cast<std::size_t>(row)]);
        }
    }
    REQUIRE(chunks.validation_windows() == static_cast<Index>(held_out.size()));
    CHECK(chunks.validation_windows() > 10);
    for (Index row = 0; row < chunks.validation_windows(); ++row) {
        CHECK(row_of(chunks.validation(), row) == held_out[static_cast<std::size_t>(row)]);
    }
}

TEST_CASE("every window is found again in its document at its offset", "[chunks]") {
    const TemporaryFolder folder;
    write_corpus(folder);
    const Prepared prepared = prepare(folder, "out");
    const TokenChunks chunks(folder / "out", {.batch_size = 1});
    const auto check = [&](const WindowFile& file) {
        bool all = true;
        for (Index row = 0; row < file.windows(); ++row) {
            const WindowOrigin origin = file.origin(row);
            auto document = static_cast<std::size_t>(origin.document);
            auto offset = static_cast<std::size_t>(origin.offset);
            all = all && prepared.documents[document].source == origin.source;
            for (TokenId token : row_of(file, row)) {
                while (offset == prepared.documents[document].tokens.size()) {
                    ++document;
                    offset = 0;
                }
                all = all && prepared.documents[document].tokens[offset++] == token;
            }
            all = all && prepared.documents[document].source == origin.source;
        }
        CHECK(all);
    };
    for (Index c = 0; c < chunks.chunk_count(); ++c) check(chunks.chunk(c));
    check(chunks.validation());

    std::istringstream lines(test::read(folder / "out" / documents_file));
    std::string line;
    std::size_t count = 0;
    for (; std::getline(lines, line); ++count) {
        const Json record = parse_json(line, documents_file);
        CHECK(get<Index>(record, "document", "") == static_cast<Index>(count));
        CHECK(get<Index>(record, "line", "") == prepared.documents[count].line);
        CHECK(get<std::string>(record, "file", "") == prepared.documents[count].file);
        CHECK(get<std::size_t>(record, "tokens", "") == prepared.documents[count].tokens.size());
    }
    CHECK(count == prepared.documents.size());
}

TEST_CASE("preparing twice gives equal bytes", "[chunks]") {
    const TemporaryFolder folder;
    write_corpus(folder);
    prepare(folder, "one");
    prepare(folder, "two");
    const auto files = contents(folder / "one");
    CHECK(files == contents(folder / "two"));
    CHECK(files.size() == 4 + 3);  // chunks, held-out windows, documents, manifest; nothing temporary
}

TEST_CASE("a corpus without enough windows leaves nothing behind", "[chunks]") {
    const TemporaryFolder folder;
    write_corpus(folder);
    CHECK_THROWS_WITH(prepare(folder, "out", 5000), ContainsSubstring("the corpus is too small"));
    test::write(folder / "wiki.jsonl", "");
    test::write(folder / "books.jsonl", "");
    CHECK_THROWS_WITH(prepare(folder, "out"), ContainsSubstring("the corpus is empty"));
    CHECK_FALSE(fs::exists(folder / "out"));
    CHECK_FALSE(fs::exists(folder / ".out.partial"));
}

TEST_CASE("tokens, windows and options outside their domain are refused", "[chunks]") {
    const TemporaryFolder folder;
    ChunkWriter writer(folder / "out", {.chunks = 1, .context = 2, .vocabulary = 10, .sources = {"a"}});
    CHECK_THROWS_WITH(writer.add({{1, 10, 2}, 0, 7, 3}),
                      ContainsSubstring("token 10 in the window at document 7"));
    CHECK_THROWS_AS(writer.add({{1, -1, 2}, 0, 0, 0}), Error);
    CHECK_THROWS_AS(writer.add({{1, 2}, 0, 0, 0}), Error);
    CHECK_THROWS_AS(writer.add({{1, 2, 3}, 1, 0, 0}), Error);
    CHECK_THROWS_AS(ChunkWriter(folder / "x", {.chunks = 0, .sources = {"a"}}), Error);
    CHECK_THROWS_AS(ChunkWriter(folder / "x", {.context = 0, .sources = {"a"}}), Error);
    CHECK_THROWS_AS(ChunkWriter(folder / "x", {.sources = {}}), Error);
    CHECK_THROWS_AS(ChunkWriter(folder / "x", {.sources = {"a"}, .validation = 1.0}), Error);
    CHECK_THROWS_AS(ChunkWriter(folder / "x", {.sources = {"a"}, .validation = NAN}), Error);
    fs::create_directory(folder / "taken");
    CHECK_THROWS_WITH(ChunkWriter(folder / "taken", {.sources = {"a"}}), ContainsSubstring("exists already"));
}

TEST_CASE("large vocabularies keep their ids", "[chunks]") {
    const TemporaryFolder folder;
    for (const auto& [vocabulary, dtype] : {std::pair<Index, DType>{65536, DType::U16}, {250000, DType::U32}}) {
        const auto out = folder / std::to_string(vocabulary);
        const auto last = static_cast<TokenId>(vocabulary - 1);
        write_one(out, vocabulary, {0, last, 2, last});
        const TokenChunks chunks(out, {.batch_size = 1});
        CHECK(SafetensorsReader(out / chunk_file(0)).info("tokens").dtype == dtype);
        CHECK(chunks.batch(0).tokens == std::vector<std::int32_t>{0, last, 2, last});
        CHECK(chunks.unigram_entropy() == Approx(1.5 * std::log(2.0)));
        CHECK(std::isnan(chunks.unigram_cross_entropy()));
        CHECK(chunks.validation_windows() == 0);
    }
}

TEST_CASE("damaged, forged and foreign files are refused by name", "[chunks]") {
    const TemporaryFolder folder;
    const std::vector<TokenId> tokens{5, 6, 7, 8, 9};
    auto fresh = [&, serial = 0]() mutable {
        const fs::path directory = folder / std::to_string(serial++);
        write_one(directory, 10, tokens);
        return directory;
    };
    const fs::path good = fresh();
    const std::string bytes = test::read(good / chunk_file(0));
    const auto where_tokens = bytes.find(std::string("\5\0\6\0\7\0", 6));
    REQUIRE(where_tokens != std::string::npos);

    for (std::size_t i = 0; i < bytes.size(); i += 7) {  // one bit anywhere
        std::string damaged = bytes;
        damaged[i] = static_cast<char>(damaged[i] ^ 4);
        test::write(good / chunk_file(0), damaged);
        CHECK(refusal(good, chunk_file(0)) == ErrorCode::integrity);
    }
    {
        const fs::path directory = fresh();
        std::string forged = bytes;
        forged[where_tokens + 4] = 10;
        forge(directory, chunk_file(0), forged);
        CHECK(refusal(directory, "chunk_000.safetensors: row 0 column 2: token 10") == ErrorCode::integrity);
    }
    {
        const fs::path directory = fresh();
        forge(directory, chunk_file(0), bytes.substr(0, bytes.size() - 1));
        CHECK(refusal(directory, chunk_file(0)) == ErrorCode::format);
    }
    {
        const fs::path directory = fresh();
        SafetensorsWriter file(directory / "other", {{"tokens", DType::U16, {1, 4}}});
        file.append(std::span<const std::byte>(std::vector<std::byte>(8)));
        file.finish();
        forge(directory, chunk_file(0), test::read(directory / "other"));
        CHECK(refusal(directory, "[1, 4], expected [1, 5]") == ErrorCode::shape);
    }
    {
        const fs::path directory = fresh();
        fs::remove(directory / validation_file);
        CHECK(refusal(directory, validation_file) == ErrorCode::io);
    }
    const std::vector<std::pair<const char*, Json>> lies{{"format", "other"},
                                                         {"chunks", Index{1} << 39},
                                                         {"chunks", 2},
                                                         {"chunks", 0},
                                                         {"context", 5},
                                                         {"windows_per_chunk", 2},
                                                         {"vocabulary", 9},
                                                         {"vocabulary", Index{1} << 50},
                                                         {"sha256", "nothing"},
                                                         {"sources", Json::array()},
                                                         {"validation_windows", -1}};
    for (const auto& [key, value] : lies) {
        const fs::path directory = fresh();
        Json manifest = read_json(directory / data_manifest);
        manifest[key] = value;
        write_json(directory / data_manifest, manifest);
        CAPTURE(key, value.dump());
        CHECK_THROWS_AS(TokenChunks(directory, {.batch_size = 1}), Error);
    }
    const fs::path directory = fresh();
    test::write(directory / data_manifest, "{");
    CHECK(refusal(directory, data_manifest) == ErrorCode::format);
    CHECK(refusal(folder / "nowhere", "nowhere") == ErrorCode::io);
}
