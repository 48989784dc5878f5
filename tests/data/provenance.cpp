#include "catch.hpp"
#include "prepared.hpp"
#include "support.hpp"

#include <lapidary/data/decompressed.hpp>
#include <lapidary/data/document_table.hpp>
#include <lapidary/data/provenance.hpp>
#include <lapidary/data/source_text.hpp>
#include <lapidary/data/token_chunks.hpp>

#include <string>
#include <vector>

using namespace lapidary;
using test::HandData;
using test::TemporaryFolder;

namespace {

// Every column's document and place in it, from the lengths alone.
std::vector<DocumentPiece> expected_pieces(const HandData& data, const test::HandWindow& window) {
    std::vector<DocumentPiece> pieces;
    Index document = window.document;
    Index place = window.offset;
    for (Index column = 0; column <= data.context; ++column) {
        while (place == data.documents[static_cast<std::size_t>(document)].tokens) {
            ++document;
            place = 0;
        }
        if (pieces.empty() || pieces.back().document != document) {
            pieces.push_back({document, place, column, column});
        }
        ++pieces.back().to;
        ++place;
    }
    return pieces;
}

void check_windows(const HandData& data) {
    const TemporaryFolder folder;
    test::write_prepared(folder / "data", data);
    const TokenChunks chunks(folder / "data", {.batch_size = 1});
    const DocumentTable table(folder / "data");
    REQUIRE(table.size() == static_cast<Index>(data.documents.size()));
    Index compared = 0;
    bool all = true;
    for (Index c = 0; c < chunks.chunk_count(); ++c) {
        for (Index row = 0; row < chunks.windows_per_chunk(); ++row) {
            const auto& window = data.chunks[static_cast<std::size_t>(c)][static_cast<std::size_t>(row)];
            const auto pieces = documents_of(chunks.chunk(c).origin(row), data.context, table);
            all = all && pieces == expected_pieces(data, window);
            for (const DocumentPiece& piece : pieces) {  // a document ends where its end-of-sequence id is
                const bool ends = piece.offset + piece.to - piece.from == table.row(piece.document).tokens;
                all = all && ends == (window.tokens[static_cast<std::size_t>(piece.to) - 1] == 2);
            }
            ++compared;
        }
    }
    CHECK(all);
    CHECK(compared > 5);
}

const std::vector<std::vector<Index>> mixed{{1, 1, 2, 40, 9, 8, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 30, 17},
                                            {60},
                                            {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2},
                                            {9, 9, 9, 9, 9}};

std::string refusal_of(HandData data, const DocumentRow& changed, std::size_t at, Index read) {
    const TemporaryFolder folder;
    data.documents[at] = changed;
    test::write_prepared(folder / "data", data);
    const DocumentTable table(folder / "data");
    try {
        static_cast<void>(table.row(read));
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::integrity);
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("the documents of a window are exact, whatever the layout", "[provenance]") {
    for (const Index stride : {8, 9}) check_windows(test::cut_streams(mixed, 8, stride, 3));
    for (const Index stride : {1, 2}) check_windows(test::cut_streams(mixed, 1, stride, 2));
    for (const Index stride : {19, 20}) check_windows(test::cut_streams(mixed, 19, stride, 1));
}

TEST_CASE("a long document fills windows, and many short ones share one", "[provenance]") {
    const TemporaryFolder folder;
    test::write_prepared(folder / "data", test::cut_streams({{30, 2, 3, 1, 4, 8}}, 8, 9, 1));
    const DocumentTable table(folder / "data");
    const auto pieces = [&](Index document, Index offset) {
        return documents_of({.document = document, .offset = offset}, 8, table);
    };
    CHECK(pieces(0, 0) == std::vector<DocumentPiece>{{0, 0, 0, 9}});
    CHECK(pieces(0, 21) == std::vector<DocumentPiece>{{0, 21, 0, 9}});
    CHECK(pieces(0, 27) == std::vector<DocumentPiece>{{0, 27, 0, 3}, {1, 0, 3, 5}, {2, 0, 5, 8}, {3, 0, 8, 9}});
    CHECK(pieces(4, 3) == std::vector<DocumentPiece>{{4, 3, 0, 1}, {5, 0, 1, 9}});
}

TEST_CASE("a table that does not go on as a window does is refused", "[provenance]") {
    const TemporaryFolder folder;
    test::write_prepared(folder / "data", test::cut_streams({{30, 5}, {20}}, 8, 9, 1));
    const DocumentTable table(folder / "data");
    const auto pieces = [&](Index document, Index offset) {
        return documents_of({.document = document, .offset = offset}, 8, table);
    };
    CHECK_THROWS_WITH(pieces(0, 30),
                      ContainsSubstring("documents.safetensors: row 0: has 30 tokens, a window starts at 30"));
    CHECK_THROWS_WITH(pieces(0, -1), ContainsSubstring("starts at -1"));
    CHECK_THROWS_WITH(pieces(1, 0),
                      ContainsSubstring("row 2: starts at token 0 of its stream, but a window goes on at 35"));
    CHECK_THROWS_WITH(pieces(2, 15), ContainsSubstring("row 2: is the last, but a window goes on for 4 tokens"));
    CHECK_THROWS_WITH(pieces(3, 0), ContainsSubstring("there is no row 3 in 3"));
    CHECK_THROWS_AS(pieces(-1, 0), Error);
}

TEST_CASE("rows with impossible numbers are refused by name", "[provenance]") {
    const HandData data = test::cut_streams({{30, 5}, {20}}, 8, 9, 1);
    const DocumentRow good = data.documents[1];
    const auto refusal = [&](auto change) {
        DocumentRow row = good;
        change(row);
        return refusal_of(data, row, 1, 1);
    };
    CHECK(refusal([](DocumentRow&) {}) == "accepted");
    CHECK_THAT(refusal([](DocumentRow& row) { row.label = 2; }),
               ContainsSubstring("documents.safetensors: row 1: label is 2, expected 0 to 1"));
    CHECK_THAT(refusal([](DocumentRow& row) { row.label = -1; }), ContainsSubstring("label is -1"));
    CHECK_THAT(refusal([](DocumentRow& row) { row.file = 2; }), ContainsSubstring("file is 2"));
    CHECK_THAT(refusal([](DocumentRow& row) { row.line = 0; }), ContainsSubstring("line is 0"));
    CHECK_THAT(refusal([](DocumentRow& row) { row.begin = -5; }), ContainsSubstring("begin is -5"));
    CHECK_THAT(refusal([](DocumentRow& row) { row.end = row.begin - 1; }), ContainsSubstring("end is 19"));
    CHECK_THAT(refusal([](DocumentRow& row) { row.start = -1; }), ContainsSubstring("start is -1"));
    CHECK_THAT(refusal([](DocumentRow& row) { row.tokens = -1; }), ContainsSubstring("tokens is -1"));
    CHECK_THAT(refusal([](DocumentRow& row) { row.start = Index{1} << 62; }), ContainsSubstring("start is"));
    // Other rows stay readable.
    DocumentRow bad = good;
    bad.label = 7;
    CHECK(refusal_of(data, bad, 1, 0) == "accepted");
}

TEST_CASE("a file that is no table is refused", "[provenance]") {
    const TemporaryFolder folder;
    test::write_prepared(folder / "data", test::cut_streams({{30}}, 8, 9, 1));
    {
        SafetensorsWriter writer(folder / "data/documents.safetensors", {{"documents", DType::I64, {1, 6}}});
        const std::vector<std::int64_t> row(6);
        writer.append(std::span(row));
        writer.finish();
    }
    CHECK_THROWS_WITH(DocumentTable(folder / "data"), ContainsSubstring("[1, 6], expected [documents, 7]"));
    std::filesystem::remove(folder / "data/documents.safetensors");
    CHECK_THROWS_WITH(DocumentTable(folder / "data"), ContainsSubstring("documents.safetensors"));
}

TEST_CASE("windows may say which pass over their source they are of", "[provenance]") {
    const TemporaryFolder folder;
    HandData data = test::cut_streams({{30}}, 8, 9, 1);
    data.chunks[0][1].epoch = 3;
    test::write_prepared(folder / "data", data);
    const TokenChunks chunks(folder / "data", {.batch_size = 1});
    CHECK(chunks.chunk(0).origin(0).epoch == 0);
    CHECK(chunks.chunk(0).origin(1).epoch == 3);
}

TEST_CASE("the steps that saw a window are those whose batches hold it", "[provenance]") {
    const TemporaryFolder folder;
    test::write_prepared(folder / "data", test::cut_streams({std::vector<Index>(100, 9)}, 8, 9, 3));
    const TokenChunks chunks(folder / "data", {.batch_size = 1});
    REQUIRE(chunks.windows_per_chunk() == 33);
    for (const Index batch_size : {1, 4, 5, 33}) {
        for (const std::uint64_t seed : {1, 11111}) {
            const Index epoch = chunks.steps_per_chunk(batch_size) * 3;
            for (const Index steps : {Index{0}, Index{1}, epoch - 1, epoch, 3 * epoch + 2}) {
                std::vector<std::vector<Index>> seen(3 * 33);
                for (Index step = 0; step < steps; ++step) {
                    const Batch batch = chunks.batch(step, batch_size, seed);
                    for (const Index row : batch.rows)
                        seen[static_cast<std::size_t>(batch.chunk * 33 + row)].push_back(step);
                }
                bool all = true;
                for (Index window = 0; window < 3 * 33; ++window) {
                    all = all && chunks.steps_of(window / 33, window % 33, steps, batch_size, seed) ==
                                     seen[static_cast<std::size_t>(window)];
                }
                CHECK(all);
            }
        }
    }
    const auto many = chunks.steps_of(1, 2, Index{1} << 50, 4, 1, 10);
    REQUIRE(many.size() == 10);
    const auto rows = chunks.batch(many[9], 4, 1).rows;
    CHECK(std::find(rows.begin(), rows.end(), 2) != rows.end());
    CHECK_THROWS_AS(chunks.steps_of(3, 0, 10), Error);
    CHECK_THROWS_AS(chunks.steps_of(0, 33, 10), Error);
    CHECK_THROWS_AS(chunks.steps_of(0, 0, 10, 34, 1), Error);
}

TEST_CASE("a document's text is read back from its file", "[provenance]") {
    const TemporaryFolder folder;
    const std::string first = "{\"text\":\"one\"}\r";
    const std::string second = "  {\"id\":[{\"text\":1}],\"text\":\"tw\\u00f6\\n\"}";
    const std::string lines = first + "\n\n" + second + "\n{\"text\":\"three\"}";
    const auto at = static_cast<Index>(first.size());
    const auto second_end = at + 2 + static_cast<Index>(second.size());
    test::write(folder / "a.jsonl", lines);
    test::write(folder / "b.jsonl.gz", test::gzip(lines.substr(0, 20)) + test::gzip(lines.substr(20)));
    test::write(folder / "c.jsonl.zst", test::zstd(lines));
    test::write(folder / "d.txt.gz", test::gzip("all\nof it\n"));
    HandData data = test::cut_streams({{30}}, 8, 9, 1);
    data.inputs = Json::array();
    for (const char* name : {"a.jsonl", "b.jsonl.gz", "c.jsonl.zst", "d.txt.gz"}) {
        data.inputs.push_back({{"file", (folder / name).string()}, {"sha256", sha256_file(folder / name)}});
    }
    data.inputs[3]["source"] = "whole";
    test::write_prepared(folder / "data", data);
    Json manifest = read_json(folder / "data/data.json");
    manifest["recipe"] = {{"sources", Json::array({{{"name", "whole"}, {"format", "text"}}})}};
    write_json(folder / "data/data.json", manifest);
    SourceText source(folder / "data", decompressed);
    REQUIRE(source.files().size() == 4);
    for (const Index file : {0, 1, 2}) {
        const DocumentRow one{0, file, 1, 0, at, 0, 1};
        const DocumentRow two{0, file, 3, at + 2, second_end, 0, 1};
        const DocumentRow three{0, file, 4, second_end + 1, static_cast<Index>(lines.size()), 0, 1};
        CHECK(source.text(two) == "tw\xC3\xB6\n");
        CHECK(source.bytes(two) == second);
        CHECK(source.text(three) == "three");
        CHECK(source.text(one) == "one");
        CHECK(source.bytes(one) == first);
        DocumentRow wrong = three;
        ++wrong.end;
        CHECK_THROWS_WITH(source.bytes(wrong), ContainsSubstring(":4: ends at byte"));
        wrong.begin = wrong.end = 1000;
        CHECK_THROWS_WITH(source.bytes(wrong), ContainsSubstring(":4: ends at byte"));
        wrong = one;
        --wrong.end;
        --wrong.end;
        CHECK_THROWS_WITH(source.text(wrong), ContainsSubstring("are no JSON object with a text 'text'"));
        CHECK(source.text(two) == "tw\xC3\xB6\n");
    }
    CHECK(source.text({0, 3, 1, 0, 10, 0, 1}) == "all\nof it\n");
    CHECK_THROWS_AS(source.text({0, 4, 1, 0, 10, 0, 1}), Error);
}

TEST_CASE("sources that changed or are gone are named", "[provenance]") {
    const TemporaryFolder folder;
    const auto file = folder / "a.jsonl";
    test::write(file, "{\"body\":\"one\"}\n");
    HandData data = test::cut_streams({{30}}, 8, 9, 1);
    data.inputs = Json::array({{{"file", file.string()}, {"source", "notes"}, {"sha256", sha256_file(file)}}});
    test::write_prepared(folder / "data", data);
    const auto read_as = [&](const Json& settings) {
        Json manifest = read_json(folder / "data/data.json");
        manifest["recipe"] = {{"sources", Json::array({settings})}};
        write_json(folder / "data/data.json", manifest);
        return SourceText(folder / "data").text({0, 0, 1, 0, 14, 0, 1});
    };
    CHECK(read_as({{"name", "notes"}, {"format", "tree"}}) == "{\"body\":\"one\"}");
    CHECK_THROWS_WITH(read_as({{"name", "notes"}}), ContainsSubstring("with a text 'text'"));
    CHECK_THROWS_WITH(read_as({{"name", "notes"}, {"format", "token_ids"}}),
                      ContainsSubstring("'token_ids' are not read back"));
    CHECK(read_as({{"name", "notes"}, {"field", "body"}, {"format", "lines"}}) == "one");
    const DocumentRow row{0, 0, 1, 0, 14, 0, 1};
    test::write(file, "{\"body\":\"two\"}\n");
    CHECK_THROWS_WITH(SourceText(folder / "data").text(row),
                      ContainsSubstring(file.string() + ": changed since it was prepared"));
    std::filesystem::remove(file);
    CHECK_THROWS_WITH(SourceText(folder / "data").text(row), ContainsSubstring(file.string()));
}
