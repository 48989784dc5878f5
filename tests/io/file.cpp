#include <lapidary/io/file.hpp>

#include "io/support.hpp"

#include <sys/stat.h>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace lapidary;
using namespace io_test;

namespace {

std::string text_of(const MappedFile& file) {
    return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

}  // namespace

TEST_CASE("a mapped file shows the bytes and moves") {
    const TemporaryDirectory folder;
    put(folder / "a", std::string("one\0two", 7));
    MappedFile a(folder / "a");
    CHECK(text_of(a) == std::string("one\0two", 7));
    CHECK(a.path() == folder / "a");
    const std::byte* address = a.bytes().data();
    MappedFile b(std::move(a));
    CHECK(b.bytes().data() == address);
    put(folder / "empty", "");
    MappedFile c(folder / "empty");
    CHECK(c.bytes().empty());
    c = std::move(b);
    CHECK(text_of(c) == std::string("one\0two", 7));
}

TEST_CASE("what is not a regular file is refused, and never waited for") {
    const TemporaryDirectory folder;
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    const auto io = ErrorCode::io;
    const std::filesystem::path with_nul = folder / std::string_view("a\0b", 3);
    check_throws(
        io, [&] { MappedFile file(folder / "none"); }, "[file] ", "none", "cannot open", "No such file");
    check_throws(
        io, [&] { MappedFile file(folder.path()); }, "is not a regular file");
    check_throws(
        io, [&] { MappedFile file(folder / "pipe"); }, "pipe: is not a regular file");
    check_throws(
        io, [&] { (void)read_text(folder / "pipe"); }, "pipe: is not a regular file");
    check_throws(
        io, [&] { (void)read_text("/dev/zero"); }, "/dev/zero: is not a regular file");
    check_throws(
        io, [&] { (void)read_text(folder / "none"); }, "none", "No such file");
    check_throws(
        io, [&] { (void)read_text(with_nul); }, "NUL");
}

TEST_CASE("read_text reads all of it, and no more than its limit") {
    const TemporaryDirectory folder;
    const std::string text(100000, 'x');
    put(folder / "a", text);
    put(folder / "empty", "");
    CHECK(read_text(folder / "a") == text);
    CHECK(read_text(folder / "a", 100000) == text);
    CHECK(read_text(folder / "empty").empty());
    check_throws(
        ErrorCode::io, [&] { (void)read_text(folder / "a", 99999); }, "larger than 99999 bytes");
    CHECK(!read_text("/proc/self/status").empty());  // announces a size of 0
}

TEST_CASE("output files truncate, append or refuse to replace") {
    const TemporaryDirectory folder;
    const auto path = folder / "log";
    {
        OutputFile file(path, OpenMode::create);
        file.write("one\n");
        file.write(std::as_bytes(std::span("two\n", 4)));
        file.sync();
        file.close();
        file.close();
        check_throws(
            ErrorCode::io, [&] { file.write("x"); }, "log", "Bad file descriptor");
    }
    CHECK(read_text(path) == "one\ntwo\n");
    OutputFile(path, OpenMode::append).write("three\n");
    CHECK(read_text(path) == "one\ntwo\nthree\n");
    check_throws(
        ErrorCode::io, [&] { OutputFile file(path, OpenMode::create); }, "File exists");
    OutputFile first(path);
    OutputFile second(std::move(first));
    second.write("new");
    CHECK(second.path() == path);
    CHECK(read_text(path) == "new");
}

TEST_CASE("a write larger than a pipe's buffer takes several calls") {
    const TemporaryDirectory folder;
    const auto path = folder / "pipe";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    const std::string text(1 << 20, 'x');
    std::string received;
    std::thread reader([&] {
        const detail::Descriptor pipe = detail::open_descriptor(path, O_RDONLY, "open");
        std::string buffer(5000, '\0');
        while (const std::size_t count = detail::read_some(pipe, path, buffer.data(), buffer.size())) {
            received.append(buffer, 0, count);
        }
    });
    {
        OutputFile file(path);
        file.write(text);
    }
    reader.join();
    CHECK(received == text);
}

TEST_CASE("a full disk and a bad path are errors that name the file") {
    const TemporaryDirectory folder;
    put(folder / "file", "x");
    OutputFile full("/dev/full");
    check_throws(
        ErrorCode::io, [&] { full.write("x"); }, "/dev/full", "No space left on device");
    check_throws(
        ErrorCode::io, [&] { OutputFile file(folder / "file/below"); }, "below", "Not a directory");
    check_throws(
        ErrorCode::io, [&] { OutputFile file(folder / "none/below"); }, "below", "No such file");
    check_throws(
        ErrorCode::io, [&] { sync_directory(folder / "file"); }, "Not a directory");
}

TEST_CASE("write_file_durably replaces a file whole or not at all") {
    const TemporaryDirectory folder;
    write_file_durably(folder / "a", "first");
    write_file_durably(folder / "a", "second");
    CHECK(read_text(folder / "a") == "second");
    CHECK(entries(folder.path()) == 1);

    std::filesystem::create_directory(folder / "taken");
    put(folder / "taken/x", "");
    check_throws(
        ErrorCode::io, [&] { write_file_durably(folder / "taken", "x"); }, "taken");
    CHECK(entries(folder.path()) == 2);  // the temporary file is gone
    check_throws(
        ErrorCode::io, [&] { write_file_durably(folder / "a/b", "x"); }, "Not a directory");
    CHECK(read_text(folder / "a") == "second");
}

TEST_CASE("threads that write one name leave one of the contents") {
    const TemporaryDirectory folder;
    std::vector<std::thread> threads;
    for (char c : {'a', 'b', 'c', 'd'}) {
        threads.emplace_back([&folder, c] {
            for (int i = 0; i < 10; ++i) write_file_durably(folder / "same", std::string(10000, c));
        });
    }
    for (std::thread& thread : threads) thread.join();
    const std::string text = read_text(folder / "same");
    CHECK(text == std::string(10000, text.at(0)));
    CHECK(entries(folder.path()) == 1);
}
