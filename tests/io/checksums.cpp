#include <lapidary/io/checksums.hpp>

#include "io/support.hpp"

#include <span>
#include <string>
#include <vector>

using namespace lapidary;
using namespace io_test;

namespace {

const std::string empty_sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const std::string abc_sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// a: "abc", empty, sub/b: "b", and their checksums.
void fill(const TemporaryDirectory& folder) {
    put(folder / "a", "abc");
    put(folder / "empty", "");
    std::filesystem::create_directory(folder / "sub");
    put(folder / "sub/b", "b");
    write_checksums(folder.path());
}

}  // namespace

TEST_CASE("SHA-256 gives the known answers of FIPS 180") {
    const auto hash = [](std::string_view text) { return sha256_hex(std::as_bytes(std::span(text))); };
    CHECK(hash("") == empty_sum);
    CHECK(hash("abc") == abc_sum);
    CHECK(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    const std::string million(1000000, 'a');
    CHECK(hash(million) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");

    Sha256 pieces;
    CHECK(pieces.hex() == empty_sum);
    for (std::size_t size = 1, done = 0; done < 1000000; size = size * 3 + 1) {
        const std::string_view piece = std::string_view(million).substr(done, size);
        pieces.update(std::as_bytes(std::span(piece)));
        done += piece.size();
    }
    CHECK(pieces.hex() == hash(million));
    CHECK(pieces.hex() == hash(million));  // asking does not change it

    const TemporaryDirectory folder;
    put(folder / "big", std::string(3000000, 'x'));
    CHECK(sha256_file(folder / "big") == hash(std::string(3000000, 'x')));
    check_throws(
        ErrorCode::io, [&] { (void)sha256_file(folder / "none"); }, "none");
}

TEST_CASE("SHA256SUMS lists every file but itself, sorted") {
    const TemporaryDirectory folder;
    fill(folder);
    CHECK(read_text(folder / "SHA256SUMS") ==
          abc_sum + "  a\n" + empty_sum + "  empty\n" +
              "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d  sub/b\n");
    verify_checksums(folder.path());
    verify_checksums(folder / "");  // a slash at the end changes nothing
    write_checksums(folder.path());
    verify_checksums(folder.path());
}

TEST_CASE("verify_checksums finds every damage and names the file") {
    const TemporaryDirectory folder;
    fill(folder);
    const auto refused = [&](auto... fragments) {
        check_throws(
            ErrorCode::integrity, [&] { verify_checksums(folder.path()); }, "[checksums] ", fragments...);
    };
    SECTION("any flipped bit") {
        for (int bit = 0; bit < 24; ++bit) {
            std::string text = "abc";
            char& c = text[static_cast<std::size_t>(bit / 8)];
            c = static_cast<char>(c ^ (1 << (bit % 8)));
            put(folder / "a", text);
            refused("/a: SHA-256 is ", abc_sum);
        }
        put(folder / "a", "abc");
        verify_checksums(folder.path());
    }
    SECTION("a missing file") {
        std::filesystem::remove(folder / "sub/b");
        refused("sub/b: is missing");
    }
    SECTION("an extra file") {
        put(folder / "sub/extra", "");
        refused("sub/extra: is not in ");
    }
    SECTION("a link in place of the file, though its target has the same bytes") {
        const TemporaryDirectory other;
        put(other / "a", "abc");
        std::filesystem::remove(folder / "a");
        std::filesystem::create_symlink(other / "a", folder / "a");
        refused("/a: is neither a regular file nor a directory");
        check_throws(
            ErrorCode::value, [&] { write_checksums(folder.path()); }, "/a");
    }
    SECTION("no list at all") {
        std::filesystem::remove(folder / "SHA256SUMS");
        check_throws(
            ErrorCode::io, [&] { verify_checksums(folder.path()); }, "SHA256SUMS", "No such file");
    }
    SECTION("any flipped bit of the list") {
        const std::string list = read_text(folder / "SHA256SUMS");
        for (std::size_t bit = 0; bit < 8 * list.size(); ++bit) {
            std::string text = list;
            text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << (bit % 8)));
            put(folder / "SHA256SUMS", text);
            const auto error = error_of([&] { verify_checksums(folder.path()); });
            // The case of a hexadecimal digit and the mark for binary files do not count.
            const std::size_t column = bit / 8 == 0 ? 0 : bit / 8 - (list.rfind('\n', bit / 8 - 1) + 1);
            const bool case_only = column < 64 && bit % 8 == 5 && list[bit / 8] >= 'a';
            const bool mark_only = column == 65 && text[bit / 8] == '*';
            INFO("bit " << bit << ": " << (error ? error->what() : "accepted"));
            if (case_only || mark_only) {
                CHECK(!error);
            } else {
                CHECK((error && error->code() == ErrorCode::integrity));
            }
        }
    }
    SECTION("a list cut anywhere") {
        const std::string list = read_text(folder / "SHA256SUMS");
        for (std::size_t size = 0; size + 1 < list.size(); ++size) {  // the last newline may be missing
            put(folder / "SHA256SUMS", list.substr(0, size));
            refused();
        }
    }
}

TEST_CASE("hostile and malformed lines are refused before any file is opened") {
    const TemporaryDirectory folder;
    fill(folder);
    const std::string good = read_text(folder / "SHA256SUMS");
    const std::vector<std::string> lines{
        abc_sum + "  /etc/passwd",
        abc_sum + "  ../a",
        abc_sum + "  sub/../a",
        abc_sum + "  sub/..",
        abc_sum + "  a",  // listed twice
        abc_sum + "  ./a",
        abc_sum + "  ",
        abc_sum + " a",
        abc_sum + "   a",
        abc_sum + "\ta",
        abc_sum + "  new\\nline",
        "\\" + abc_sum + "  new\\nline",
        abc_sum + "  a\r",
        abc_sum + std::string("  a\0b", 5),
        abc_sum.substr(1) + "  other",
        abc_sum + "0  other",
        std::string("g").append(abc_sum, 1) + "  other",
        "# comment",
        "",
        std::string(100000, 'x'),
    };
    for (const std::string& line : lines) {
        put(folder / "SHA256SUMS", good + line + "\n");
        INFO(quote(line));
        const auto error = error_of([&] { verify_checksums(folder.path()); });
        REQUIRE(error);
        CHECK(error->code() == ErrorCode::integrity);
        CHECK(std::string(error->what()).size() < 500);
        if (line != abc_sum + "   a") CHECK_THAT(error->what(), ContainsSubstring("SHA256SUMS: line 4: "));
    }
    put(folder / "SHA256SUMS", good);
    verify_checksums(folder.path());
}

TEST_CASE("names that the format cannot carry are refused when writing") {
    for (const char* name : {"new\nline", "back\\slash", "tab\t"}) {
        const TemporaryDirectory folder;
        put(folder / name, "x");
        check_throws(
            ErrorCode::value, [&] { write_checksums(folder.path()); }, "unusable file name");
    }
    check_throws(
        ErrorCode::io, [] { write_checksums("/nonexistent/lapidary"); }, "/nonexistent/lapidary");
}
