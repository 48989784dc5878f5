#include "catch.hpp"
#include "support.hpp"

#include <lapidary/data/compressed_line_reader.hpp>
#include <lapidary/data/documents.hpp>
#include <lapidary/data/input_files.hpp>

#include <string>
#include <vector>

using namespace lapidary;
using test::TemporaryFolder;

namespace {

std::vector<Document> all(DocumentReader& reader) {
    std::vector<Document> documents;
    Document document;
    while (reader.next(document)) documents.push_back(document);
    return documents;
}

std::string refusal(const std::filesystem::path& file, const std::string& contents, DocumentOptions options = {}) {
    test::write(file, contents);
    DocumentReader reader({{file, 0}}, std::move(options));
    try {
        all(reader);
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::format);
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("documents come with source, file, line and ordinal", "[documents]") {
    const TemporaryFolder folder;
    test::write(folder / "a.jsonl",
                "{\"text\":\"one\",\"meta\":{\"text\":\"no\",\"x\":[1,{\"text\":2}]}}\n\n \r\n"
                "{\"id\":3, \"text\": \"tw\\u00f6\\n\"}\r\n");
    test::write(folder / "b.txt.gz", test::gzip("three\nlines\n"));
    test::write(folder / "c.jsonl.zst", test::zstd("{\"text\":\"four\"}"));
    DocumentReader reader({{folder / "a.jsonl", 0}, {folder / "b.txt.gz", 2}, {folder / "c.jsonl.zst", 1}},
                          {.open = open_compressed});
    const std::vector<Document> documents = all(reader);
    REQUIRE(documents.size() == 4);
    CHECK(documents[0].text == "one");
    CHECK(documents[0].file == (folder / "a.jsonl").string());
    CHECK(documents[1].text == "tw\xC3\xB6\n");
    CHECK(documents[1].line == 4);
    CHECK(documents[2].text == "three\nlines\n");
    CHECK(documents[2].source == 2);
    CHECK(documents[2].line == 1);
    CHECK(documents[3].text == "four");
    CHECK(documents[3].source == 1);
    for (std::size_t i = 0; i < 4; ++i) CHECK(documents[i].ordinal == static_cast<Index>(i));
    CHECK(reader.skipped().total() == 0);
    CHECK(reader.consumed() > 0);
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
        const std::string message = refusal(file, good + line + "\n" + good, {.max_bytes = 4000});
        CAPTURE(line.substr(0, 60));
        CHECK_THAT(message, ContainsSubstring(file.string() + ":2: "));
        CHECK_THAT(message, ContainsSubstring(reason));
    }
    CHECK_THAT(refusal(folder / "f.txt", ""), ContainsSubstring("the file is empty"));
    CHECK_THAT(refusal(folder / "f.txt", "ab\xFF"), ContainsSubstring("byte 3 is not UTF-8"));
    CHECK_THAT(refusal(folder / "f.txt", "12345", {.max_bytes = 4}), ContainsSubstring("longer than 4 bytes"));
}

TEST_CASE("bad documents can be left out, and are counted by reason", "[documents]") {
    const TemporaryFolder folder;
    const auto file = folder / "f.jsonl";
    test::write(file, "{\n{\"t\":1}\n{\"text\":\"\"}\n{\"text\":\"\xFF\"}\n{\"text\":\"" + std::string(99, 'a') +
                          "\"}\n{\"text\":\"good\"}\n[]\n");
    test::write(folder / "empty.txt", "");
    DocumentReader reader({{file, 0}, {folder / "empty.txt", 0}, {file, 1}}, {.skip_bad = true, .max_bytes = 50});
    const std::vector<Document> documents = all(reader);
    REQUIRE(documents.size() == 2);
    CHECK(documents[1].text == "good");
    CHECK(documents[1].line == 6);
    CHECK(documents[1].ordinal == 1);
    CHECK(reader.skipped().malformed == 4);
    CHECK(reader.skipped().no_text == 2);
    CHECK(reader.skipped().empty == 3);
    CHECK(reader.skipped().bad_utf8 == 2);
    CHECK(reader.skipped().too_long == 2);
    CHECK(reader.skipped().total() == 13);
}

TEST_CASE("a damaged stream is an error even where bad documents are left out", "[documents]") {
    const TemporaryFolder folder;
    const std::string bytes = test::gzip("{\"text\":\"good\"}\n");
    test::write(folder / "f.jsonl.gz", bytes.substr(0, bytes.size() - 3));
    DocumentReader reader({{folder / "f.jsonl.gz", 0}}, {.skip_bad = true, .open = open_compressed});
    CHECK_THROWS_WITH(all(reader), ContainsSubstring("f.jsonl.gz"));
}

TEST_CASE("patterns become files grouped by source", "[documents]") {
    const TemporaryFolder folder;
    for (const char* name : {"wikipedia.jsonl.gz", "c4.jsonl", "c4.jsonl.zst", "arxiv.txt", "odd[1].jsonl"}) {
        test::write(folder / name, "12");
    }
    const InputFiles found = find_inputs({(folder / "*.jsonl*").string(), (folder / "arxiv.txt").string(),
                                          (folder / "c4.jsonl").string(), (folder / "odd[1].jsonl").string()});
    CHECK(found.sources == std::vector<std::string>{"c4", "odd[1]", "wikipedia", "arxiv"});
    REQUIRE(found.files.size() == 5);
    CHECK(found.files[0].path == folder / "c4.jsonl");
    CHECK(found.files[1].path == folder / "c4.jsonl.zst");
    CHECK(found.files[4].source == 3);
    CHECK(found.bytes == 10);
    CHECK_THROWS_WITH(find_inputs({(folder / "none*").string()}), ContainsSubstring("none*: no such file"));
    CHECK_THROWS_AS(find_inputs({(folder / "").string()}), Error);
}
