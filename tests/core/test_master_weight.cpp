#include "catch.hpp"

#include <lapidary/core/master_weight.hpp>
#include <lapidary/core/philox.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using namespace lapidary;

namespace {

float from_bits(std::uint32_t bits) { return __builtin_bit_cast(float, bits); }
std::uint32_t to_bits(float value) { return __builtin_bit_cast(std::uint32_t, value); }

/// Patterns of all kinds: `count` random ones, ties between two bf16 and their neighbours, and special ones.
std::vector<std::uint32_t> patterns(std::uint64_t count) {
    std::vector<std::uint32_t> all{0x00000000, 0x00000001, 0x007fffff, 0x00800000, 0x3f800000,
                                   0x7f7fffff, 0x7f7f8000, 0x7f7f7fff, 0x7f800000};
    const Philox random(3, "master weight", 0);
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint32_t bits = random.bits(i)[0];
        all.push_back(bits);
        all.push_back(bits & 0x007fffffU);  // denormal
        for (const std::uint32_t low : {0x7fffU, 0x8000U, 0x8001U}) all.push_back((bits & 0xffff0000U) | low);
    }
    const std::size_t size = all.size();
    for (std::size_t i = 0; i < size; ++i) all.push_back(all[i] ^ 0x80000000U);
    return all;
}

}  // namespace

TEST_CASE("a master weight holds every float exactly, its weight the nearest bf16") {
    std::size_t wrong = 0, distant = 0, seen = 0;
    for (const std::uint32_t bits : patterns(100000)) {
        const float value = from_bits(bits);
        if (std::isnan(value)) continue;
        ++seen;
        const MasterWeight master(value);
        wrong += to_bits(static_cast<float>(master)) != bits;
        wrong += to_bits(static_cast<float>(MasterWeight(master.weight, master.remainder))) != bits;
        // The nearest: as near as what rounds to even, and of two equally near ones the larger.
        const auto even = static_cast<double>(bf16(value)), own = static_cast<double>(master.weight);
        const auto exact = static_cast<double>(value);
        if (std::isinf(even) || std::isinf(own)) {
            distant += even != own && std::abs(exact) < 3.3953e38;  // beyond the largest bf16
        } else {
            distant += std::abs(own - exact) != std::abs(even - exact) || std::abs(own) < std::abs(even);
        }
    }
    CHECK(seen > 500000);
    CHECK(wrong == 0);
    CHECK(distant == 0);
}

TEST_CASE("of two equally near weights a master weight takes that of larger magnitude") {
    CHECK(MasterWeight(from_bits(0x3f808000)).weight.bits == 0x3f81);
    CHECK(MasterWeight(from_bits(0x3f808000)).remainder == -32768);
    CHECK(MasterWeight(from_bits(0xbf808000)).weight.bits == 0xbf81);
    CHECK(MasterWeight(from_bits(0x3f807fff)).weight.bits == 0x3f80);
    CHECK(MasterWeight(from_bits(0x3f807fff)).remainder == 32767);
    CHECK(MasterWeight(-0.0F).weight.bits == 0x8000);
    CHECK(MasterWeight(std::numeric_limits<float>::infinity()).weight.bits == 0x7f80);
    CHECK(MasterWeight(std::numeric_limits<float>::infinity()).remainder == 0);
}

TEST_CASE("a master weight that is not a number shows it in its weight too") {
    for (const std::uint32_t bits :
         {0x7fc00000U, 0x7fffffffU, 0xffffffffU, 0x7f800001U, 0xffff8000U, 0x7fff7fffU}) {
        const MasterWeight master(from_bits(bits));
        CHECK(std::isnan(static_cast<float>(master.weight)));
        CHECK(std::isnan(static_cast<float>(master)));
    }
}
