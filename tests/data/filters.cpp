#include "catch.hpp"

#include <lapidary/data/document_filter.hpp>
#include <lapidary/data/languages.hpp>

#include <optional>
#include <string>

using namespace lapidary;

TEST_CASE("languages are told by the endings of names", "[filters]") {
    CHECK(language_of("a/b.py") == "python");
    CHECK(language_of("a/b.py.gz") == "python");
    CHECK(language_of("b.tar.zst").empty());
    CHECK(language_of("x.hpp") == "cpp");
    CHECK(language_of("x.h") == "c");
    CHECK(language_of("src/Makefile") == "makefile");
    CHECK(language_of("Dockerfile") == "dockerfile");
    CHECK(language_of("python").empty());
    CHECK(language_of("a.py/readme").empty());
}

TEST_CASE("files are taken by name", "[filters]") {
    const DocumentFilter python{.languages = {"python", "c"}};
    CHECK(discard_by_name(python, "a.py") == std::nullopt);
    CHECK(discard_by_name(python, "a.h.gz") == std::nullopt);
    CHECK(discard_by_name(python, "a.rs") == Discard::another_language);
    CHECK(discard_by_name(python, "a") == Discard::another_language);
    const DocumentFilter endings{.extensions = {".py", ".txt"}};
    CHECK(discard_by_name(endings, "a.py") == std::nullopt);
    CHECK(discard_by_name(endings, "a.txt.zst") == std::nullopt);
    CHECK(discard_by_name(endings, "a.c") == Discard::another_extension);
    CHECK(discard_by_name(endings, "txt") == Discard::another_extension);
    CHECK(discard_by_name({}, "anything") == std::nullopt);
}

TEST_CASE("documents are taken by their text", "[filters]") {
    const std::string dots = "\xC3\xA9\xE2\x82\xAC..";  // two letters beyond ASCII, two dots
    CHECK(discard_by_text({}, "x") == std::nullopt);
    CHECK(discard_by_text({.min_characters = 4}, dots) == std::nullopt);  // characters, not bytes
    CHECK(discard_by_text({.min_characters = 5}, dots) == Discard::few_characters);
    CHECK(discard_by_text({.max_characters = 4}, dots) == std::nullopt);
    CHECK(discard_by_text({.max_characters = 3}, dots) == Discard::many_characters);
    CHECK(discard_by_text({.min_alphanumeric = 0.5}, dots) == std::nullopt);
    CHECK(discard_by_text({.min_alphanumeric = 0.51}, dots) == Discard::few_letters);
    CHECK(discard_by_text({.min_alphanumeric = 1}, "aZ09") == std::nullopt);
    CHECK(discard_by_text({.min_alphanumeric = 1}, "aZ09@") == Discard::few_letters);
    CHECK(discard_by_text({.max_line_characters = 3}, "abc\nde\n") == std::nullopt);
    CHECK(discard_by_text({.max_line_characters = 2}, "abc\nde\n") == Discard::long_line);
    CHECK(discard_by_text({.max_line_characters = 2}, "a\nabc") == Discard::long_line);
    CHECK(discard_by_text({.max_mean_line_characters = 2.5}, "abc\nde\n") == std::nullopt);
    CHECK(discard_by_text({.max_mean_line_characters = 2.5}, "abc\nde") == std::nullopt);
    CHECK(discard_by_text({.max_mean_line_characters = 2.4}, "abc\nde") == Discard::long_lines);
    CHECK(discard_by_text({.max_mean_line_characters = 2.4}, "abc\nde\n\n") == std::nullopt);
    // The first reason counts.
    CHECK(discard_by_text({.min_characters = 9, .min_alphanumeric = 1}, "...") == Discard::few_characters);
    CHECK(discard_by_text({.min_alphanumeric = 1, .max_line_characters = 1}, "...") == Discard::few_letters);
}
