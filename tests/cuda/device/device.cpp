// The device itself: memory, copies, errors. Cases with [none] are those that need no GPU.

#include "catch.hpp"
#include "gpu.hpp"

#include <lapidary/core/tensor.hpp>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <thread>
#include <vector>

using namespace lapidary;
using namespace lapidary::test;

namespace {

std::vector<std::uint8_t> downloaded(Cuda& gpu, const void* memory, std::size_t bytes) {
    std::vector<std::uint8_t> host(bytes, 0xab);
    gpu.download(memory, host.data(), bytes);
    return host;
}

template <class Call>
void check_throws(ErrorCode code, const std::string& text, Call&& call) {
    try {
        call();
        FAIL("nothing was thrown, not '" << text << "'");
    } catch (const Error& error) {
        CHECK(error.code() == code);
        CHECK_THAT(error.what(), ContainsSubstring(text));
    }
}

}  // namespace

TEST_CASE("without a GPU there is an error that names the driver", "[none]") {
    check_throws(ErrorCode::unsupported, "[cuda] no NVIDIA GPU to compute on: NVIDIA's driver ", [] { Cuda gpu; });
    check_throws(ErrorCode::unsupported, "driver", [] { CudaSingle gpu({.device = 1}); });
}

TEST_CASE("a GPU that is not there is refused, with how many are") {
    shared_gpu<bf16>();
    check_throws(ErrorCode::value, "no GPU 1000: this process sees ", [] { Cuda gpu({.device = 1000}); });
    check_throws(ErrorCode::value, "no GPU -1", [] { Cuda gpu({.device = -1}); });
}

TEST_CASE("memory starts at zero, goes up, comes down and is cleared") {
    auto& gpu = shared_gpu<bf16>();
    CHECK(!gpu.name().empty());
    CHECK(gpu.multiprocessors() > 0);
    const std::size_t bytes = GENERATE(1, 255, 1 << 20, 12345677);
    void* memory = gpu.allocate(bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(memory) % 256 == 0);
    CHECK(downloaded(gpu, memory, bytes) == std::vector<std::uint8_t>(bytes));
    std::vector<std::uint8_t> host(bytes);
    std::iota(host.begin(), host.end(), std::uint8_t{1});
    const auto sent = host;
    gpu.upload(host.data(), memory, bytes);
    host.assign(bytes, 0);  // it was read
    CHECK(downloaded(gpu, memory, bytes) == sent);
    gpu.clear(memory, bytes / 2);
    auto partly = sent;
    std::fill_n(partly.begin(), bytes / 2, std::uint8_t{0});
    CHECK(downloaded(gpu, memory, bytes) == partly);
    gpu.release(memory, bytes);
}

TEST_CASE("no bytes are no trouble") {
    auto& gpu = shared_gpu<bf16>();
    void* memory = gpu.allocate(0);
    gpu.upload(nullptr, memory, 0);
    gpu.download(memory, nullptr, 0);
    gpu.clear(memory, 0);
    gpu.release(memory, 0);
    const Tensor<bf16, 2, Cuda> none(gpu, {0, 5});
    CHECK(none.clone().to_host().empty());
}

TEST_CASE("what the GPU has no room for is an error that says what would help") {
    auto& gpu = shared_gpu<bf16>();
    check_throws(ErrorCode::memory, "GiB are free; a smaller --micro-batch",
                 [&] { (void)gpu.allocate(std::size_t{1} << 50); });
    check_throws(ErrorCode::memory, "(scratch_bytes)",
                 [] { Cuda other({.scratch_bytes = std::size_t{1} << 50}); });
    check_throws(ErrorCode::memory, "raise scratch_bytes", [&] { scratch(gpu, Shape<1>{Index{1} << 40}); });
    gpu.release(gpu.allocate(1000), 1000);  // and it goes on
}

TEST_CASE("another thread, or a sibling, goes on with what the device did") {
    auto& gpu = shared_gpu<bf16>();
    Cuda sibling = gpu.sibling();
    const std::size_t bytes = std::size_t{1} << 24;
    void* memory = gpu.allocate(bytes);
    const std::vector<std::uint8_t> ones(bytes, 1);
    gpu.upload(ones.data(), memory, bytes);
    gpu.clear(memory, bytes - 1);
    synchronize(gpu);
    std::vector<std::uint8_t> seen;
    std::thread([&] { seen = downloaded(sibling, memory, bytes); }).join();
    CHECK(std::accumulate(seen.begin(), seen.end(), 0) == 1);
    std::thread([&] { gpu.clear(memory, bytes); }).join();
    CHECK(downloaded(gpu, memory, bytes).back() == 0);
    gpu.release(memory, bytes);
}
