#include "catch.hpp"
#include "support.hpp"

#include <lapidary/data/decoded.hpp>
#include <lapidary/data/documents.hpp>

#include <filesystem>
#include <string>
#include <vector>

using namespace lapidary;
using test::TemporaryFolder;

namespace {

const std::filesystem::path rows = std::filesystem::path(LAPIDARY_TEST_DATA) / "data/data/rows.parquet";

std::vector<Document> read(const std::filesystem::path& file, BadDocuments on_bad) {
    Recipe recipe{.name = "rows", .on_bad = on_bad};
    recipe.sources.push_back({.name = "rows", .format = SourceFormat::parquet, .field = "content"});
    DocumentReader reader(recipe, {{file, 0, SourceFormat::parquet}}, decoded);
    std::vector<Document> documents;
    for (Document document; reader.next(document);) documents.push_back(document);
    return documents;
}

}  // namespace

#ifdef LAPIDARY_PARQUET
TEST_CASE("a row of a Parquet file is a document, its text in one column", "[parquet]") {
    const std::vector<Document> documents = read(rows, BadDocuments::skip);
    REQUIRE(documents.size() == 3);
    CHECK(documents[0].text == "def f():\n    return \"a\"\n");
    CHECK(documents[1].text == "zwei: \xC3\xB6\xE4\xB8\x96");
    CHECK(documents[1].place.line == 2);
    CHECK(documents[2].text == "last");
    CHECK(documents[2].place.line == 4);
    CHECK_THROWS_WITH(read(rows, BadDocuments::fail),
                      ContainsSubstring("rows.parquet:3: the field 'content' is missing"));
}

TEST_CASE("what is no Parquet file is named", "[parquet]") {
    const TemporaryFolder folder;
    test::write(folder / "a.parquet", "{\"content\":\"text\"}\n");
    CHECK_THROWS_WITH(read(folder / "a.parquet", BadDocuments::skip), ContainsSubstring("a.parquet: "));
}
#else
TEST_CASE("a program without the reader of Parquet says so", "[parquet]") {
    CHECK_THROWS_WITH(read(rows, BadDocuments::skip),
                      ContainsSubstring("rows.parquet: this program was built without lapidary::parquet"));
}
#endif
