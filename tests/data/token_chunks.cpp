#include "catch.hpp"
#include "support.hpp"

#include <lapidary/data/token_chunks.hpp>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

using namespace lapidary;
using test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

// One chunk of one window.
void write_one(const fs::path& directory, Index vocabulary, const std::vector<TokenId>& tokens) {
    test::write_chunks(directory, vocabulary, {{tokens}});
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

TEST_CASE("large vocabularies keep their ids", "[token_chunks]") {
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

TEST_CASE("a window tells where it starts and in which epoch", "[token_chunks]") {
    const TemporaryFolder folder;
    const std::vector<WindowOrigin> origins{{7, 3, 65535, 1}, {Index{1} << 40, Index{1} << 41, 0, 65535}};
    WindowFileWriter writer(folder / "f", origins, 1, 10, {{"context", "1"}});
    writer.append(std::vector<TokenId>{1, 2, 3, 4});
    CHECK_FALSE(fs::exists(folder / "f"));  // not before it is complete
    writer.finish();
    CHECK(fs::exists(folder / "f"));
    const WindowFile file(folder / "f", 1);
    for (Index row = 0; row < 2; ++row) {
        const WindowOrigin& wanted = origins[static_cast<std::size_t>(row)];
        const WindowOrigin got = file.origin(row);
        CHECK(std::pair(got.document, got.offset) == std::pair(wanted.document, wanted.offset));
        CHECK(std::pair(got.source, got.epoch) == std::pair(wanted.source, wanted.epoch));
    }
    CHECK_THROWS_AS(file.origin(2), Error);
    CHECK_THROWS_AS(file.origin(-1), Error);
    const std::vector<WindowOrigin> beyond{{0, 0, 0, 65536}};
    WindowFileWriter late(folder / "g", beyond, 1, 10, {});
    late.append(std::vector<TokenId>{1, 2});
    CHECK_THROWS_WITH(late.finish(), ContainsSubstring("a source or epoch beyond 65535"));
    CHECK_FALSE(fs::exists(folder / "g"));
}

TEST_CASE("damaged, forged and foreign files are refused by name", "[token_chunks]") {
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
        const std::vector<WindowOrigin> unknown{{0, 0, 1, 0}};
        WindowFileWriter file(directory / "other", unknown, 4, 10, {});
        file.append(tokens);
        file.finish();
        forge(directory, chunk_file(0), test::read(directory / "other"));
        CHECK(refusal(directory, "row 0: source 1 of 1") == ErrorCode::integrity);
    }
    {
        const fs::path directory = fresh();
        fs::remove(directory / validation_file);
        CHECK(refusal(directory, validation_file) == ErrorCode::io);
    }
    const std::vector<std::pair<const char*, Json>> lies{{"format", "other"},
                                                         {"format", "lapidary data 1"},
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
