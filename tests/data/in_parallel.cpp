#include "catch.hpp"

#include <lapidary/core/shape.hpp>
#include <lapidary/data/in_parallel.hpp>
#include <lapidary/data/row_blocks.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <range/v3/view/iota.hpp>
#include <range/v3/view/transform.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace lapidary;

namespace {

// Takes longer for some numbers than for others, so that threads overtake each other.
int square(int i) {
    std::this_thread::sleep_for(std::chrono::microseconds(i * 7919 % 13 * 40));
    return i * i;
}

struct Refused : std::runtime_error {
    explicit Refused(int i) : std::runtime_error(std::to_string(i)), number(i) {}
    int number;
};

// What came before the error, and its number (-1: none).
template <class Range>
std::pair<std::vector<int>, int> drain(Range&& range) {
    std::vector<int> results;
    try {
        for (const int result : range) results.push_back(result);
    } catch (const Refused& error) {
        return {results, error.number};
    }
    return {results, -1};
}

}  // namespace

TEST_CASE("results come in the order of the elements", "[in_parallel]") {
    std::vector<int> expected;
    for (int i = 0; i < 100; ++i) expected.push_back(i * i);
    for (const int threads : {1, 2, 3, 16}) {
        CHECK(drain(ranges::views::iota(0, 100) | in_parallel(threads, square)).first == expected);
    }
    CHECK(drain(ranges::views::iota(0, 0) | in_parallel(3, square)).first.empty());
    CHECK(drain(ranges::views::iota(7, 8) | in_parallel(3, square)).first == std::vector{49});
    CHECK_THROWS_AS(in_parallel(0, square), Error);
    CHECK_THROWS_AS(in_parallel(-1, square), Error);
}

TEST_CASE("elements and results may be such as only move", "[in_parallel]") {
    std::vector<int> results;
    const auto boxed = ranges::views::transform([](int i) { return std::make_unique<int>(i); });
    for (std::unique_ptr<int> box :
         ranges::views::iota(0, 50) | boxed | in_parallel(4, [](std::unique_ptr<int> element) {
             *element += 1;
             return element;
         })) {
        results.push_back(*box);
    }
    REQUIRE(results.size() == 50);
    CHECK(results.front() == 1);
    CHECK(results.back() == 50);
}

TEST_CASE("the first error in order is thrown, for any number of threads", "[in_parallel]") {
    const auto refuse_after = [](int first) {  // the later ones throw sooner
        return [first](int i) {
            if (i == first) std::this_thread::sleep_for(std::chrono::milliseconds(20));
            if (i >= first) throw Refused(i);
            return i;
        };
    };
    for (const int threads : {1, 2, 5, 9}) {
        for (const int first : {0, 1, 10, 19}) {
            CAPTURE(threads, first);
            const auto [results, number] =
                drain(ranges::views::iota(0, 20) | in_parallel(threads, refuse_after(first)));
            CHECK(number == first);
            CHECK(results.size() == static_cast<std::size_t>(first));
        }
        // The range itself throws at its eighth element, which waits for its turn; or the function before it.
        const auto range = ranges::views::iota(0, 20) | ranges::views::transform([](int i) {
                               if (i == 7) throw Refused(700);
                               return i;
                           });
        const auto [results, number] = drain(range | in_parallel(threads, square));
        CHECK(number == 700);
        CHECK(results == std::vector{0, 1, 4, 9, 16, 25, 36});
        CHECK(drain(range | in_parallel(threads, refuse_after(6))).second == 6);
        CHECK(drain(range | in_parallel(threads, refuse_after(8))).second == 700);
    }
}

TEST_CASE("it ends with work in flight, and no thread reads far ahead", "[in_parallel]") {
    for (const int threads : {1, 4}) {
        std::atomic<int> taken{0};
        std::atomic<int> begun{0};
        std::atomic<int> finished{0};
        {
            const auto elements = ranges::views::iota(0, 1'000'000) | ranges::views::transform([&](int i) {
                                      ++taken;
                                      return i;
                                  });
            for (const int result : elements | in_parallel(threads, [&](int i) {
                                        ++begun;
                                        std::this_thread::sleep_for(std::chrono::milliseconds(2));
                                        ++finished;
                                        return i;
                                    })) {
                if (result == 3) break;
            }
        }
        CHECK(begun == finished);
        CHECK(begun >= 4);
        CHECK(taken <= 4 + 2 * threads + 1);
    }
}

TEST_CASE("many threads work at once", "[in_parallel]") {
    std::atomic<int> at_once{0};
    std::atomic<int> most{0};
    const auto work = [&](int i) {
        const int now = ++at_once;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        --at_once;
        return i;
    };
    CHECK(drain(ranges::views::iota(0, 60) | in_parallel(3, work)).first.size() == 60);
    CHECK(most == 3);
}

TEST_CASE("blocks of rows cover all rows", "[in_parallel]") {
    for (const Index rows : {0, 1, 255, 256, 257, 1000}) {
        Index next = 0;
        for (const RowBlock& block : row_blocks(rows, 256)) {
            CHECK(block.first == next);
            CHECK(block.size() > 0);
            CHECK(block.size() <= 256);
            next = block.end;
        }
        CHECK(next == rows);
    }
}
