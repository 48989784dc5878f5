#include "catch.hpp"
#include "support.hpp"

#include <lapidary/data/decompressed.hpp>
#include <lapidary/data/documents.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace lapidary;
using test::TemporaryFolder;

namespace {

const Recipe three_sources = test::small_recipe({{"a", "-"}, {"b", "-"}, {"c", "-"}});

std::vector<Document> all(DocumentReader& reader) {
    std::vector<Document> documents;
    Document document;
    while (reader.next(document)) documents.push_back(document);
    return documents;
}

std::string refusal(const InputFile& file, const std::string& contents, Index max_bytes = 4000) {
    test::write(file.path, contents);
    Recipe recipe = three_sources;
    recipe.max_document_bytes = max_bytes;
    DocumentReader reader(recipe, {file});
    try {
        all(reader);
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::format);
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("documents come with source, file, line and range of bytes", "[documents]") {
    const TemporaryFolder folder;
    const std::string lines =
        "{\"text\":\"one\",\"meta\":{\"text\":\"no\",\"x\":[1,{\"text\":2}]}}\n\n \r\n"
        "{\"id\":3, \"text\": \"tw\\u00f6\\n\"}\r\n";
    test::write(folder / "a.jsonl", lines);
    test::write(folder / "b.txt.gz", test::gzip("three\nlines\n"));
    test::write(folder / "c.jsonl.zst", test::zstd("\n{\"text\":\"four\"}"));
    DocumentReader reader(
        three_sources,
        {{folder / "a.jsonl", 0}, {folder / "b.txt.gz", 2, SourceFormat::text}, {folder / "c.jsonl.zst", 1}},
        decompressed);
    const std::vector<Document> documents = all(reader);
    REQUIRE(documents.size() == 4);
    CHECK(documents[0].text == "one");
    CHECK(documents[1].text == "tw\xC3\xB6\n");
    CHECK(documents[2].text == "three\nlines\n");
    CHECK(documents[3].text == "four");
    const std::vector<std::array<Index, 4>> places{
        {0, 1, 0, static_cast<Index>(lines.find('\n'))},
        {0, 4, static_cast<Index>(lines.find("{\"id")), static_cast<Index>(lines.size()) - 1},
        {1, 1, 0, 12},
        {2, 2, 1, 16}};
    const std::vector<std::int32_t> sources{0, 0, 2, 1};
    for (std::size_t i = 0; i < 4; ++i) {
        const DocumentPlace& place = documents[i].place;
        CHECK(std::array{place.file, place.line, place.begin, place.end} == places[i]);
        CHECK(documents[i].source == sources[i]);
        CHECK(documents[i].label.empty());
    }
    CHECK(reader.discards().total() == 0);
}

TEST_CASE("the text is in the field that the source names", "[documents]") {
    const TemporaryFolder folder;
    test::write(folder / "f", "{\"text\":\"no\",\"content\":\"yes\"}\n");
    Recipe recipe = three_sources;
    recipe.sources[1].field = "content";
    DocumentReader reader(recipe, {{folder / "f", 0}, {folder / "f", 1}});
    const std::vector<Document> documents = all(reader);
    REQUIRE(documents.size() == 2);
    CHECK(documents[0].text == "no");
    CHECK(documents[1].text == "yes");
}

TEST_CASE("bad documents are named by file and line", "[documents]") {
    const TemporaryFolder folder;
    const auto file = folder / "f.jsonl";
    const std::string good = "{\"text\":\"good\"}\n";
    const std::vector<std::pair<std::string, std::string>> cases{
        {"{\"text\":\"cut", "not JSON"},
        {"{\"text\":\"a\"} {\"text\":\"b\"}", "not JSON"},
        {"{\"text\":\"\\ud800\"}", "not JSON"},
        {std::string("{\"text\":\"a\"}\0{", 14), "NUL byte"},
        {"{\"text\":\"a\\u0000b\"}", "the field 'text' holds a NUL byte"},
        {"[\"text\"]", "not a JSON object"},
        {"[{\"text\":\"a\"}]", "not a JSON object"},
        {"\"text\"", "not a JSON object"},
        {"{\"content\":\"a\"}", "the field 'text' is missing"},
        {"{\"meta\":{\"text\":\"a\"}}", "the field 'text' is missing"},
        {"{\"text\":7}", "the field 'text' is not a string"},
        {"{\"text\":{\"text\":\"a\"}}", "the field 'text' is not a string"},
        {"{\"text\":[\"a\"]}", "the field 'text' is not a string"},
        {"{\"text\":\"a\",\"text\":\"b\"}", "there twice"},
        {"{\"text\":\"\"}", "is empty"},
        {"{\"text\":\"\xC0\xAF\"}", "byte 10 is not UTF-8"},
        {"{\"text\":\"" + std::string(5000, 'a') + "\"}", "longer than 4000 bytes"},
        {std::string(3000, '['), "not JSON"},
    };
    for (const auto& [line, reason] : cases) {
        const std::string message = refusal({file}, good + line + "\n" + good);
        CAPTURE(line.substr(0, 60));
        CHECK_THAT(message, ContainsSubstring(file.string() + ":2: "));
        CHECK_THAT(message, ContainsSubstring(reason));
    }
    const InputFile text{folder / "f.txt", 0, SourceFormat::text};
    CHECK_THAT(refusal(text, ""), ContainsSubstring("f.txt:1: the file is empty"));
    CHECK_THAT(refusal(text, "ab\xFF"), ContainsSubstring("byte 3 is not UTF-8"));
    CHECK_THAT(refusal(text, std::string("a\0b", 3)), ContainsSubstring("byte 2 is NUL"));
    CHECK_THAT(refusal(text, "12345", 4), ContainsSubstring("f.txt:1: the file is longer than 4 bytes"));
    CHECK(refusal(text, "1234", 4) == "accepted");
}

TEST_CASE("bad documents can be left out, and are counted by reason", "[documents]") {
    const TemporaryFolder folder;
    const auto file = folder / "f.jsonl";
    test::write(file, "{\n{\"t\":1}\n{\"text\":\"\"}\n{\"text\":\"\xFF\"}\n{\"text\":\"" + std::string(99, 'a') +
                          "\"}\n{\"text\":\"good\"}\n[]\n{\"text\":\"\\u0000\"}\n" + '\0' + "\n");
    test::write(folder / "empty.txt", "");
    Recipe recipe = three_sources;
    recipe.on_bad = BadDocuments::skip;
    recipe.max_document_bytes = 50;
    DocumentReader reader(recipe, {{file, 0}, {folder / "empty.txt", 0, SourceFormat::text}, {file, 1}});
    const std::vector<Document> documents = all(reader);
    REQUIRE(documents.size() == 2);
    CHECK(documents[1].text == "good");
    CHECK(documents[1].place.line == 6);
    CHECK(documents[1].place.file == 2);
    const DiscardCounts& discards = reader.discards();
    CHECK(discards[Discard::malformed] == 4);
    CHECK(discards[Discard::no_text] == 2);
    CHECK(discards[Discard::empty] == 3);
    CHECK(discards[Discard::bad_utf8] == 2);
    CHECK(discards[Discard::too_long] == 2);
    CHECK(discards[Discard::nul] == 4);
    CHECK(discards.total() == 17);
    CHECK(DiscardCounts::from(discards.json(), "").json() == discards.json());
    CHECK(discards.json()["bad_utf8"] == 2);
}

TEST_CASE("a damaged stream is an error even where bad documents are left out", "[documents]") {
    const TemporaryFolder folder;
    Recipe recipe = three_sources;
    recipe.on_bad = BadDocuments::skip;
    const std::string text = "{\"text\":\"good\"}\n";
    for (const auto& [name, bytes] :
         {std::pair{"f.jsonl.gz", test::gzip(text)}, std::pair{"f.jsonl.zst", test::zstd(text)}}) {
        test::write(folder / name, bytes.substr(0, bytes.size() - 3));
        DocumentReader reader(recipe, {{folder / name, 0}}, decompressed);
        CHECK_THROWS_WITH(all(reader), ContainsSubstring(name));
    }
}

TEST_CASE("an empty file in a tree of sources is no fault, and is counted", "[documents]") {
    const TemporaryFolder folder;
    test::write(folder / "__init__.py", "");
    test::write(folder / "a.py", "pass\n");
    Recipe recipe = three_sources;
    recipe.sources[0].format = SourceFormat::tree;
    DocumentReader reader(
        recipe, {{folder / "__init__.py", 0, SourceFormat::tree}, {folder / "a.py", 0, SourceFormat::tree}});
    const std::vector<Document> documents = all(reader);
    REQUIRE(documents.size() == 1);
    CHECK(documents[0].label == "a/python");
    CHECK(reader.discards()[Discard::empty] == 1);
}
