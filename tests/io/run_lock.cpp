#include <lapidary/io/run_lock.hpp>

#include "io/support.hpp"

#include <sys/wait.h>
#include <csignal>

using namespace lapidary;
using namespace io_test;

namespace {

/// Exit status of `action` in a forked child.
template <class Action>
int in_child(Action action) {
    const pid_t child = ::fork();
    if (child == 0) {
        int result = 99;
        try {
            result = action();
        } catch (...) {
        }
        ::_exit(result);
    }
    REQUIRE(child > 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("a second lock is refused and names the holder") {
    const TemporaryDirectory folder;
    {
        const RunLock lock(folder.path());
        const std::string holder = "is in use by process " + std::to_string(::getpid()) + " on host ";
        check_throws(
            ErrorCode::busy, [&] { RunLock second(folder.path()); }, "[lock] " + folder.path().string(), holder);
        CHECK(in_child([&] {
                  const auto error = error_of([&] { RunLock second(folder.path()); });
                  return error && error->code() == ErrorCode::busy &&
                                 std::string(error->what()).find(holder) != std::string::npos
                             ? 0
                             : 1;
              }) == 0);
        check_throws(
            ErrorCode::busy, [&] { RunLock second(folder.path()); }, holder);
    }
    const RunLock again(folder.path());
    CHECK(read_text(folder / ".lock").starts_with(std::to_string(::getpid()) + " "));
}

TEST_CASE("a killed process holds nothing") {
    const TemporaryDirectory folder;
    CHECK(in_child([&] {
              const RunLock lock(folder.path());
              return ::raise(SIGKILL);
          }) == -1);
    CHECK(!read_text(folder / ".lock").empty());
    CHECK(!error_of([&] { RunLock lock(folder.path()); }));
}

TEST_CASE("a child that was forked while the lock was held does not keep it") {
    const TemporaryDirectory folder;
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    pid_t child = -1;
    {
        const RunLock lock(folder.path());
        child = ::fork();
        if (child == 0) {
            char c = 0;
            ::close(pipe_ends[1]);
            ::_exit(::read(pipe_ends[0], &c, 1) == 0 ? 0 : 1);  // lives until the parent closes its end
        }
    }
    CHECK(!error_of([&] { RunLock lock(folder.path()); }));
    ::close(pipe_ends[1]);
    ::close(pipe_ends[0]);
    int status = 1;
    CHECK(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("a lock needs a directory, and its file is data, not trusted") {
    const TemporaryDirectory folder;
    put(folder / "file", "x");
    check_throws(
        ErrorCode::io, [&] { RunLock lock(folder / "none"); }, "none", "No such file");
    check_throws(
        ErrorCode::io, [&] { RunLock lock(folder / "file"); }, "file", "Not a directory");
    std::filesystem::create_symlink(folder / "file", folder / ".lock");
    check_throws(
        ErrorCode::io, [&] { RunLock lock(folder.path()); }, ".lock");
    CHECK(read_text(folder / "file") == "x");
    std::filesystem::remove(folder / ".lock");

    const RunLock lock(folder.path());
    put(folder / ".lock", std::string(1000, '\xff'));
    check_throws(
        ErrorCode::busy, [&] { RunLock second(folder.path()); }, "another process");
}
