#include <lapidary/io/staged_directory.hpp>

#include "io/support.hpp"

#include <sys/wait.h>
#include <csignal>

using namespace lapidary;
using namespace io_test;

TEST_CASE("a staged directory appears when it is published") {
    const TemporaryDirectory folder;
    const auto target = folder / "run/checkpoints/ckpt_000";
    {
        StagedDirectory staged(target);
        CHECK(staged.path() == folder / "run/checkpoints/.ckpt_000.partial");
        std::filesystem::create_directories(staged.path() / "state/deep");
        put(staged.path() / "state/deep/moments", "m");
        put(staged.path() / "config.json", "{}");
        std::filesystem::permissions(staged.path() / "config.json", std::filesystem::perms::owner_read);
        std::filesystem::create_symlink("nowhere", staged.path() / "link");
        CHECK(!std::filesystem::exists(target));
        staged.publish();
        CHECK(staged.path() == target);
        check_throws(
            ErrorCode::value, [&] { staged.publish(); }, "already published");
    }
    CHECK(read_text(target / "state/deep/moments") == "m");
    CHECK(entries(folder / "run/checkpoints") == 1);
}

TEST_CASE("an unpublished directory leaves nothing") {
    const TemporaryDirectory folder;
    {
        StagedDirectory staged(folder / "a/");  // a slash at the end does not change the name
        CHECK(staged.path() == folder / ".a.partial");
        put(staged.path() / "x", "x");
    }
    CHECK(entries(folder.path()) == 0);
}

TEST_CASE("an existing target is never overwritten") {
    const TemporaryDirectory folder;
    StagedDirectory begun(folder / "a");  // before the name was taken
    put(begun.path() / "x", "new");
    const auto refused = [&] {
        check_throws(
            ErrorCode::value, [&] { begun.publish(); }, "[publish] ", "/a: exists already");
        std::filesystem::remove_all(folder / ".a.partial");
        check_throws(
            ErrorCode::value, [&] { StagedDirectory staged(folder / "a"); }, "[publish] ", "/a: exists already");
        CHECK(!std::filesystem::exists(folder / ".a.partial"));
    };
    SECTION("a full directory") {
        std::filesystem::create_directory(folder / "a");
        put(folder / "a/x", "old");
        refused();
        CHECK(read_text(folder / "a/x") == "old");
    }
    SECTION("an empty directory, which rename would replace") {
        std::filesystem::create_directory(folder / "a");
        refused();
        CHECK(entries(folder / "a") == 0);
    }
    SECTION("a file") {
        put(folder / "a", "old");
        refused();
        CHECK(read_text(folder / "a") == "old");
    }
    SECTION("a link to nowhere") {
        std::filesystem::create_symlink("nowhere", folder / "a");
        refused();
        CHECK(std::filesystem::is_symlink(folder / "a"));
    }
}

TEST_CASE("what a killed process left is replaced") {
    const TemporaryDirectory folder;
    const pid_t child = ::fork();
    if (child == 0) {
        try {
            StagedDirectory staged(folder / "a");
            OutputFile(staged.path() / "half").write("half");
            ::raise(SIGKILL);
        } catch (...) {
            ::_exit(1);
        }
    }
    REQUIRE(child > 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    CHECK(std::filesystem::exists(folder / ".a.partial/half"));
    CHECK(!std::filesystem::exists(folder / "a"));

    StagedDirectory staged(folder / "a");
    CHECK(entries(staged.path()) == 0);
    put(staged.path() / "whole", "whole");
    staged.publish();
    CHECK(entries(folder / "a") == 1);
    CHECK(entries(folder.path()) == 1);
}

TEST_CASE("staging below something that is no directory is an error") {
    const TemporaryDirectory folder;
    put(folder / "file", "x");
    check_throws(
        ErrorCode::io, [&] { StagedDirectory staged(folder / "file/a"); }, "file");
    check_throws(
        ErrorCode::io, [&] { StagedDirectory staged(folder / "file/deep/a"); }, "file");
    CHECK(read_text(folder / "file") == "x");
}
