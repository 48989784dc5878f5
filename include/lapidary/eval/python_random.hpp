#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <unordered_set>
#include <vector>

namespace lapidary {

/// The random numbers of Python's `random.Random(seed)`, so that few-shot examples are the ones that evaluations
/// written in Python draw. For nothing else: what this library draws itself comes from Philox.
///
/// Source: CPython 3.11, Lib/random.py (`sample`, `_randbelow_with_getrandbits`) and Modules/_randommodule.c
/// (`init_by_array`).
class PythonRandom {
public:
    explicit PythonRandom(std::uint32_t seed) {
        Words words{seed};
        engine_.seed(words);
    }

    /// A number of `bits` random bits, 1 to 32.
    std::uint32_t bits(int bits) { return static_cast<std::uint32_t>(engine_()) >> (32 - bits); }

    /// A number in [0, bound), `bound` at least 1 and below 2^32.
    std::size_t below(std::size_t bound) {
        const auto width = static_cast<int>(std::bit_width(bound));
        std::size_t drawn = bits(width);
        while (drawn >= bound) drawn = bits(width);
        return drawn;
    }

    /// `random.sample(range(size), count)`: distinct places in the order of the draw. Throws Error(value) if there
    /// are fewer.
    std::vector<std::size_t> sample(std::size_t size, std::size_t count) {
        if (count > size) {
            throw Error(ErrorCode::value, "sample",
                        "cannot draw " + std::to_string(count) + " of " + std::to_string(size));
        }
        std::vector<std::size_t> result;
        std::size_t set_size = 21;  // what CPython takes a small set to cost, against a list
        if (count > 5) {
            std::size_t power = 1;
            while (power < 3 * count) power *= 4;
            set_size += power;
        }
        if (size <= set_size) {
            std::vector<std::size_t> pool(size);
            std::iota(pool.begin(), pool.end(), std::size_t{0});
            for (std::size_t i = 0; i < count; ++i) {
                const std::size_t place = below(size - i);
                result.push_back(pool[place]);
                pool[place] = pool[size - i - 1];
            }
            return result;
        }
        std::unordered_set<std::size_t> taken;
        while (result.size() < count) {
            const std::size_t place = below(size);
            if (taken.insert(place).second) result.push_back(place);
        }
        return result;
    }

private:
    /// The initial state that CPython makes of a key of one word, as a seed sequence.
    struct Words {
        using result_type = std::uint32_t;
        std::uint32_t key;

        template <class Iterator>
        void generate(Iterator begin, Iterator end) const {
            const auto size = static_cast<std::size_t>(end - begin);
            std::vector<std::uint32_t> state(size);
            state[0] = 19650218U;
            for (std::size_t i = 1; i < size; ++i) {
                state[i] = 1812433253U * (state[i - 1] ^ (state[i - 1] >> 30)) + static_cast<std::uint32_t>(i);
            }
            std::size_t i = 1;
            const auto mix = [&](std::uint32_t factor) {
                return state[i] ^ ((state[i - 1] ^ (state[i - 1] >> 30)) * factor);
            };
            const auto step = [&] {
                if (++i < size) return;
                state[0] = state[size - 1];
                i = 1;
            };
            for (std::size_t k = 0; k < size; ++k, step()) state[i] = mix(1664525U) + key;
            for (std::size_t k = 1; k < size; ++k, step()) {
                state[i] = mix(1566083941U) - static_cast<std::uint32_t>(i);
            }
            state[0] = 0x80000000U;
            for (std::size_t k = 0; k < size; ++k) begin[static_cast<std::ptrdiff_t>(k)] = state[k];
        }
    };

    std::mt19937 engine_;
};

}  // namespace lapidary
