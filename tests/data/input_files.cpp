#include "catch.hpp"
#include "support.hpp"

#include <lapidary/data/input_files.hpp>

#include <filesystem>
#include <string>
#include <vector>

using namespace lapidary;
using test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

// What a recipe finds, relative to the folder, with the index of its source.
std::vector<std::pair<std::string, std::int32_t>> found(const Recipe& recipe, const TemporaryFolder& folder) {
    std::vector<std::pair<std::string, std::int32_t>> result;
    for (const InputFile& file : find_inputs(recipe, folder / "").files) {
        result.emplace_back(file.path.lexically_relative(folder / "").string(), file.source);
    }
    return result;
}

std::string refusal(const Recipe& recipe, const TemporaryFolder& folder, ErrorCode code) {
    try {
        static_cast<void>(find_inputs(recipe, folder / ""));
    } catch (const Error& error) {
        CHECK(error.code() == code);
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("patterns become files, source by source, sorted", "[input_files]") {
    const TemporaryFolder folder;
    for (const char* name : {"w2", "w10", "w1", "C4", "c4", "arxiv.txt", "odd[1]"}) {
        test::write(folder / name, std::string("of ") + name);
    }
    Recipe recipe = test::small_recipe({{"w", "w*"}, {"c", "[cC]4"}, {"odd", "odd[1]"}});
    recipe.sources[0].files.emplace_back("arxiv.txt");
    const InputFiles inputs = find_inputs(recipe, folder / "");
    CHECK(found(recipe, folder) == std::vector<std::pair<std::string, std::int32_t>>{
                                       {"w1", 0},
                                       {"w10", 0},
                                       {"w2", 0},
                                       {"arxiv.txt", 0},
                                       {"C4", 1},
                                       {"c4", 1},
                                       {"odd[1]", 2}});  // a name may hold the letters of a pattern
    CHECK(inputs.bytes == 5 + 6 + 5 + 12 + 5 + 5 + 9);
    CHECK(inputs.repeated.empty());
    recipe.sources[1].files = {"none*"};
    CHECK_THAT(refusal(recipe, folder, ErrorCode::io), ContainsSubstring("none*: no such file"));
    recipe.sources[1].files = {"nothing"};
    CHECK_THAT(refusal(recipe, folder, ErrorCode::io), ContainsSubstring("nothing: no such file"));
    fs::create_symlink("nowhere", folder / "dangling");
    recipe.sources[1].files = {"dangling"};
    CHECK_THAT(refusal(recipe, folder, ErrorCode::io), ContainsSubstring("dangling: no such file"));
    fs::create_directory(folder / "directory");
    recipe.sources[1].files = {"direct*"};
    CHECK_THAT(refusal(recipe, folder, ErrorCode::io),
               ContainsSubstring("directory: a directory, expected a file"));
}

TEST_CASE("absolute patterns stand for themselves", "[input_files]") {
    const TemporaryFolder folder;
    test::write(folder / "f", "text");
    const Recipe recipe = test::small_recipe({{"a", (folder / "*").string()}});
    REQUIRE(find_inputs(recipe, "elsewhere").files.size() == 1);
    CHECK(find_inputs(recipe, "elsewhere").files[0].path == folder / "f");
}

TEST_CASE("a file that is there twice is refused or left out", "[input_files]") {
    const TemporaryFolder folder;
    test::write(folder / "first", "same bytes");
    test::write(folder / "other", "othr bytes");
    test::write(folder / "third", "same bytes");
    fs::create_symlink("first", folder / "link");
    for (const char* again : {"third", "first", "link", "./first"}) {  // by its bytes or by its name
        CAPTURE(again);
        Recipe recipe = test::small_recipe({{"a", "first"}, {"b", "other"}, {"c", again}});
        const std::string message = refusal(recipe, folder, ErrorCode::format);
        const bool one_name = std::string(again) == "first";
        CHECK_THAT(message, ContainsSubstring(std::string(again) +
                                              (one_name ? ": is named twice, the second time by the source 'c'"
                                                        : ": has the same contents as ")));
        CHECK_THAT(message, ContainsSubstring("first"));
        recipe.on_bad = BadDocuments::skip;
        const InputFiles inputs = find_inputs(recipe, folder / "");
        REQUIRE(inputs.files.size() == 2);
        CHECK(inputs.files[0].path.filename() == "first");
        REQUIRE(inputs.repeated.size() == 1);
        CHECK_THAT(inputs.repeated[0], ContainsSubstring(again));
        CHECK(inputs.bytes == 20);
    }
}

TEST_CASE("a tree is walked recursively, without what is hidden", "[input_files]") {
    const TemporaryFolder folder;
    for (const char* name : {"t", "t/b", "t/a", "t/.git", "t/a/deep"}) fs::create_directory(folder / name);
    for (const char* name : {"t/z.py", "t/b/x.c", "t/a/deep/y.py", "t/a.py", "t/.hidden.py", "t/.git/config.py",
                             "t/a/__init__.py", "t/b/__init__.py"}) {
        test::write(folder / name, "same");  // copies are common in trees
    }
    fs::create_symlink("z.py", folder / "t/link.py");
    fs::create_directory_symlink("a", folder / "t/c");
    Recipe recipe = test::small_recipe({{"code", "t"}});
    recipe.sources[0].format = SourceFormat::tree;
    CHECK(found(recipe, folder) == std::vector<std::pair<std::string, std::int32_t>>{{"t/a.py", 0},
                                                                                     {"t/a/__init__.py", 0},
                                                                                     {"t/a/deep/y.py", 0},
                                                                                     {"t/b/__init__.py", 0},
                                                                                     {"t/b/x.c", 0},
                                                                                     {"t/z.py", 0}});
    recipe.sources[0].files = {"t/b", "t/[az]*.py"};  // parts of it
    CHECK(found(recipe, folder) == std::vector<std::pair<std::string, std::int32_t>>{
                                       {"t/b/__init__.py", 0}, {"t/b/x.c", 0}, {"t/a.py", 0}, {"t/z.py", 0}});
    recipe.sources[0].files = {"t", "t/z.py"};
    CHECK_THAT(refusal(recipe, folder, ErrorCode::format), ContainsSubstring("z.py: is named twice"));
}
