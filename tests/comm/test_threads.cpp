#include "catch.hpp"
#include "comm/conformance.hpp"

#include <lapidary/comm/single_process.hpp>
#include <lapidary/comm/threads.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/reference.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <thread>

using namespace lapidary;
using namespace lapidary::test;

namespace {

template <class D>
D make_device() {
    if constexpr (std::is_same_v<D, Cpu>) {
        return Cpu({.threads = 1});
    } else {
        return D();
    }
}

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// What each rank's body threw, or nothing.
template <class Body>
std::vector<std::string> errors_of(int ranks, Threads::Options options, Body&& body) {
    std::vector<std::string> errors(static_cast<std::size_t>(ranks));
    try {
        Threads::run(
            ranks,
            [&](Threads& world) {
                try {
                    body(world);
                } catch (const std::exception& error) {
                    errors[static_cast<std::size_t>(world.rank())] = error.what();
                    throw;
                }
            },
            options);
    } catch (const std::exception&) {
    }
    return errors;
}

}  // namespace

TEMPLATE_TEST_CASE("one process alone conforms", "", Cpu, Reference) {
    auto device = make_device<TestType>();
    SingleProcess world;
    for (const std::string& problem : Conformance<TestType>(device).run(world)) FAIL_CHECK(problem);
}

TEMPLATE_TEST_CASE("ranks that are threads conform", "", Cpu, Reference) {
    for (const int ranks : {1, 2, 3, 4, 8}) {
        std::mutex mutex;
        Problems problems;
        Threads::run(ranks, [&](Threads& world) {
            auto device = make_device<TestType>();
            const Problems own = Conformance<TestType>(device).run(world);
            const std::lock_guard lock(mutex);
            problems.insert(problems.end(), own.begin(), own.end());
        });
        for (const std::string& problem : problems) FAIL_CHECK(problem);
    }
}

TEST_CASE("a rank that throws ends the others, and its error is the one reported") {
    CHECK_THROWS_WITH(Threads::run(4,
                                   [](Threads& world) {
                                       barrier(world);
                                       if (world.rank() == 2)
                                           throw Error(ErrorCode::io, "write", "the disk is full");
                                       barrier(world, "waiting");
                                       barrier(world, "waiting");
                                   }),
                      "[write] the disk is full");
    const auto errors = errors_of(4, {60}, [](Threads& world) {
        if (world.rank() == 2) throw Error(ErrorCode::io, "write", "the disk is full");
        barrier(world, "waiting");
    });
    for (const int rank : {0, 1, 3}) {
        CHECK(errors[static_cast<std::size_t>(rank)] ==
              "[waiting] rank 2 ended with an error: [write] the disk is full");
    }
}

TEST_CASE("a rank that hangs is named by all others within the timeout, in every collective") {
    using Collective = std::function<void(Cpu&, Threads&, View<float, 1>)>;
    const std::vector<Range> parts = even_parts(1000, 4);
    const std::vector<std::pair<std::string, Collective>> collectives{
        {"barrier", [](Cpu&, Threads& world, auto) { barrier(world); }},
        {"all_gather", [&](Cpu&, Threads& world, auto x) { all_gather(world, x, std::span<const Range>(parts)); }},
        {"reduce_scatter", [&](Cpu& device, Threads& world, auto x) { reduce_scatter(device, world, x, parts); }},
        {"all_reduce", [](Cpu& device, Threads& world, auto x) { all_reduce(device, world, x); }},
        {"broadcast", [](Cpu&, Threads& world, auto x) { broadcast(world, x, 3); }},
        {"split", [](Cpu&, Threads& world, auto) { world.split(0, 0); }},
    };
    for (const auto& [name, collective] : collectives) {
        std::atomic<int> waiting{3};
        const auto start = std::chrono::steady_clock::now();
        const auto errors = errors_of(4, {1}, [&](Threads& world) {
            Cpu device({.threads = 1});
            const auto values = scratch(device, Shape<1>{1000});
            barrier(world, {"start", 100});
            if (world.rank() == 3) {
                while (waiting > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
                return;
            }
            try {
                collective(device, world, values);
            } catch (...) {
                --waiting;
                throw;
            }
            --waiting;
        });
        INFO(name);
        CHECK(seconds_since(start) < 30);
        for (std::size_t rank = 0; rank < 3; ++rank) {
            CHECK_THAT(errors[rank], ContainsSubstring("[" + name + "]"));
            CHECK_THAT(errors[rank], ContainsSubstring("rank 3 did not answer within 1 s"));
        }
    }
}

TEST_CASE("patience lengthens the wait of one operation") {
    Threads::run(2,
                 [](Threads& world) {
                     if (world.rank() == 1) std::this_thread::sleep_for(std::chrono::milliseconds(400));
                     barrier(world, {"slow disk", 100});
                 },
                 {0.1});
    SUCCEED("nobody gave up");
}

TEST_CASE("ranks that call with other sizes are told so") {
    const auto errors = errors_of(2, {60}, [](Threads& world) {
        std::vector<float> values(10);
        broadcast(world, View<float, 1>{values.data(), {world.rank() == 0 ? 10 : 9}}, 0);
        barrier(world);
    });
    CHECK(errors[1] ==
          "[broadcast] rank 0 sends 40 bytes where 36 are expected: the ranks do not call the same functions with "
          "the "
          "same sizes");
    CHECK_THAT(errors[0], ContainsSubstring("rank 1 ended with an error"));
}

TEST_CASE("a number of ranks that cannot be is refused") {
    CHECK_THROWS_WITH(Threads::run(0, [](Threads&) {}), "[threads] cannot run 0 ranks");
    CHECK_THROWS_AS(Threads::run(5000, [](Threads&) {}), Error);
}
