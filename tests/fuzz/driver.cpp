// Runs a fuzz target on its seed files and on a fixed number of mutations of them, the same every time:
// fuzz_NAME COUNT SEEDS...; or fuzz_NAME FILE to see again what one input does.

#include <lapidary/core/philox.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

namespace {

using lapidary::Philox;

std::string read(const char* path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// A place in the text; the first and last bytes, where headers are, more often than others.
std::size_t place(const std::string& text, std::uint32_t a, std::uint32_t b) {
    const std::size_t size = text.size() + 1;
    if (b % 4 == 0) return a % std::min<std::size_t>(size, 64);
    if (b % 4 == 1) return size - 1 - a % std::min<std::size_t>(size, 64);
    return a % size;
}

void mutate(std::string& text, const std::vector<std::string>& seeds, const Philox& random, std::uint64_t step) {
    const auto r = random.bits(2 * step);
    const auto q = random.bits(2 * step + 1);
    const std::size_t at = place(text, r[1], r[2]);
    const std::size_t length = std::min<std::size_t>(text.size() - at, 1 + q[0] % (q[1] % 3 == 0 ? 2000 : 16));
    static const char* const numbers[] = {
        "0",     "-1", "1", "255", "65536", "2147483647", "-2147483648", "4294967296", "9223372036854775807",
        "1e308", "0.5"};
    switch (r[0] % 10) {
        case 0:
            if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << q[2] % 8));
            break;
        case 1:
            if (at < text.size()) text[at] = static_cast<char>(q[2]);
            break;
        case 2:
            text.erase(at, length);
            break;
        case 3:
            text.insert(at, text.substr(at, length));
            break;
        case 4:
            text.insert(at, 1 + q[2] % 8, static_cast<char>(q[3]));
            break;
        case 5:
            text.resize(at);
            break;
        case 6: {
            const std::string& other = seeds[q[2] % seeds.size()];
            if (!other.empty()) text.insert(at, other.substr(q[3] % other.size(), length));
            break;
        }
        case 7: {  // another number in place of the next
            const std::size_t digit = text.find_first_of("0123456789", at);
            if (digit == std::string::npos) break;
            const std::size_t end = std::min(text.find_first_not_of("0123456789", digit), text.size());
            text.replace(digit, end - digit, numbers[q[2] % std::size(numbers)]);
            break;
        }
        case 8: {  // the next word again, somewhere else
            const std::size_t quote = text.find('"', at);
            const std::size_t end = quote == std::string::npos ? quote : text.find('"', quote + 1);
            if (end == std::string::npos || end - quote > 1000) break;
            const std::string word = text.substr(quote, end - quote + 1);
            const std::size_t target = text.find('"', q[2] % text.size());
            const std::size_t target_end = target == std::string::npos ? target : text.find('"', target + 1);
            if (target_end != std::string::npos) text.replace(target, target_end - target + 1, word);
            break;
        }
        default:  // four bytes, as sizes are
            for (std::size_t i = at; i < std::min(text.size(), at + 4); ++i) {
                text[i] = static_cast<char>(q[2] % 2 == 0 ? 0xFF : q[3] >> (8 * (i - at)));
            }
    }
}

void run(const std::string& text) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 2) {
        run(read(argv[1]));
        return 0;
    }
    if (argc < 3) {
        std::fprintf(stderr, "usage: %s COUNT SEEDS... or %s FILE\n", argv[0], argv[0]);
        return 2;
    }
    std::vector<std::string> seeds;
    for (int i = 2; i < argc; ++i) seeds.push_back(read(argv[i]));
    for (const std::string& seed : seeds) run(seed);
    const std::uint64_t count = std::stoull(argv[1]);
    for (std::uint64_t item = 0; item < count; ++item) {
        const Philox random(1, "fuzz", item);
        std::string text = seeds[item % seeds.size()];
        const std::uint32_t steps = 1 + random.bits(0)[3] % 4;
        for (std::uint64_t step = 1; step <= steps; ++step) mutate(text, seeds, random, step);
        try {
            run(text);
        } catch (const std::exception& error) {
            std::fprintf(stderr, "input %lu: %s\n", static_cast<unsigned long>(item), error.what());
            return 1;
        }
    }
    std::printf("%lu inputs\n", static_cast<unsigned long>(count));
    return 0;
}
