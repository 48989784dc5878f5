#include "catch.hpp"

#include <lapidary/cpu/device.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

using namespace lapidary;

TEST_CASE("every task runs once, whatever the number of threads") {
    for (const int threads : {1, 2, 3, 7}) {
        ThreadPool pool(threads);
        for (const Index count : {0, 1, 2, 5, 1000}) {
            std::vector<std::atomic<int>> calls(static_cast<std::size_t>(count));
            pool.run(count, [&](Index i, Arena&) { ++calls[static_cast<std::size_t>(i)]; });
            for (const auto& call : calls) CHECK(call == 1);
        }
    }
}

TEST_CASE("a number of threads that cannot be is refused") {
    for (const int threads : {0, -1, 4097, 100000}) CHECK_THROWS_AS(ThreadPool(threads), Error);
    CHECK_THROWS_WITH(Cpu({.threads = -2}), "[threads] cannot run -2 threads");
}

TEST_CASE("what the first failing task throws reaches the caller, and the pool goes on") {
    for (const int threads : {1, 2, 4}) {
        ThreadPool pool(threads);
        for (int round = 0; round < 50; ++round) {
            const auto fail = [](Index i, Arena&) {
                if (i % 7 == 3) throw std::runtime_error("task " + std::to_string(i));
            };
            CHECK_THROWS_WITH(pool.run(100, fail), "task 3");
            std::atomic<Index> total = 0;
            pool.run(100, [&](Index i, Arena&) { total += i; });
            CHECK(total == 4950);
        }
    }
}

TEST_CASE("what a task takes from its arena is freed after it, also when it throws") {
    for (const int threads : {1, 3}) {
        ThreadPool pool(threads, 1 << 16);
        const auto take = [](Index i, Arena& arena) {
            CHECK_FALSE(arena.used() != 0);
            arena.allocate<float, 1>({8192});
            if (i == 5) throw std::runtime_error("stop");
        };
        CHECK_THROWS_WITH(pool.run(50, take), "stop");
        CHECK_NOTHROW(pool.run(5, take));
    }
}

// The sanitizers need address space of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("too little address space for the threads or their scratch is an error") {
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_AS, &before) == 0);
    rlim_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit tight = before;
    tight.rlim_cur = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + (rlim_t{100} << 20);
    std::string threads, scratch;
    REQUIRE(setrlimit(RLIMIT_AS, &tight) == 0);
    try {
        ThreadPool pool(512, 1 << 12);
    } catch (const Error& error) {
        threads = error.what();
    }
    try {
        Cpu device({.threads = 2});
    } catch (const Error& error) {
        scratch = error.what();
    }
    REQUIRE(setrlimit(RLIMIT_AS, &before) == 0);
    CHECK_THAT(threads, ContainsSubstring("of 512 threads: "));
    CHECK_THAT(scratch,
               ContainsSubstring("cannot reserve 4294967296 bytes") && ContainsSubstring("thread_scratch_bytes"));
    CHECK_NOTHROW(ThreadPool(4));
}
#endif
