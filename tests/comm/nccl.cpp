#include <lapidary/comm/nccl.hpp>
#include <lapidary/comm/single_process.hpp>
#include <lapidary/ops/elementwise.hpp>

#include "io/support.hpp"

#include <cstdio>
#include <cstdlib>
#include <numeric>

using namespace lapidary;
using namespace io_test;

namespace {

/// Memory of the GPU; computes on the host.
class Gpu {
public:
    using Scalar = float;

    Arena& scratch() { return scratch_; }
    void* allocate(std::size_t bytes) {
        void* memory = nullptr;
        REQUIRE(cudaMalloc(&memory, bytes) == cudaSuccess);
        return memory;
    }
    void release(void* memory, std::size_t) { cudaFree(memory); }
    void upload(const void* source, void* target, std::size_t bytes) {
        REQUIRE(cudaMemcpy(target, source, bytes, cudaMemcpyHostToDevice) == cudaSuccess);
    }
    void download(const void* source, void* target, std::size_t bytes) {
        REQUIRE(cudaMemcpy(target, source, bytes, cudaMemcpyDeviceToHost) == cudaSuccess);
    }

private:
    Arena scratch_{4096};  // of the host: with one rank no collective needs it
};

std::vector<float> on_host(Gpu& device, View<const float, 1> x) {
    std::vector<float> values(static_cast<std::size_t>(x.size()));
    device.download(x.data, values.data(), values.size() * sizeof(float));
    return values;
}

void copy_on(Gpu& device, View<const float, 1> x, View<float, 1> y) {
    const auto values = on_host(device, x);
    device.upload(values.data(), y.data, values.size() * sizeof(float));
}

void add_on(Gpu& device, View<const float, 1> x, View<const float, 1> y, View<float, 1> out) {
    auto sum = on_host(device, x);
    const auto more = on_host(device, y);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += more[i];
    device.upload(sum.data(), out.data, sum.size() * sizeof(float));
}

struct Buffer {
    explicit Buffer(Index count, float first = 0) : values(static_cast<std::size_t>(count)) {
        std::iota(values.begin(), values.end(), first);
        view = {static_cast<float*>(device.allocate(values.size() * sizeof(float))), {count}};
        device.upload(values.data(), view.data, values.size() * sizeof(float));
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { device.release(view.data, 0); }

    Gpu device;
    std::vector<float> values;
    View<float, 1> view;
};

/// The collectives with one rank, and messages to itself.
void check_world_of_one(Nccl& world) {
    REQUIRE(world.size() == 1);
    CHECK(world.rank() == 0);
    Gpu device;
    Buffer a(1000000, 5), b(1000000, 77);
    const std::vector<Range> parts{{0, a.view.size()}};
    barrier(world);
    broadcast(world, a.view, 0);
    all_gather(world, a.view, std::span<const Range>(parts));
    reduce_scatter(device, world, a.view, parts);
    all_reduce(device, world, a.view);
    CHECK(on_host(device, a.view) == a.values);
    const std::vector<int> mine{3, 4};
    CHECK(gather(device, world, std::span<const int>(mine)) == mine);
    CHECK(any(device, world, true));
    CHECK(!any(device, world, false));

    // Two under way at once, the second of what the first brings; then one of no bytes.
    const std::size_t bytes = a.values.size() * sizeof(float);
    Buffer c(1000000);
    const Send first{0, a.view.data, bytes}, second{0, b.view.data, bytes}, nothing{0, nullptr, 0};
    const Receive into_b{0, b.view.data, bytes}, into_c{0, c.view.data, bytes}, none{0, nullptr, 0};
    auto one = world.start("one", {&first, 1}, {&into_b, 1});
    auto two = world.start("two", {&second, 1}, {&into_c, 1});
    world.finish(one);
    world.finish(two);
    CHECK(on_host(device, b.view) == a.values);
    CHECK(on_host(device, c.view) == a.values);
    exchange(world, "none", {&nothing, 1}, {&none, 1});
    const Send far{1, a.view.data, bytes};
    check_throws(
        ErrorCode::value,
        [&] {
            world.start("far", {&far, 1}, {});
        },
        "[far] there is no rank 1 among 1");
}

}  // namespace

TEST_CASE("Without a GPU there is an error that says so") {  // the first: the others need one
    SingleProcess alone;
    int count = 0;
    const bool none = cudaGetDeviceCount(&count) != cudaSuccess || count == 0;
    if (!none) {
        check_throws(
            ErrorCode::value, [&] { (void)Nccl::from(alone, {.device = count}); }, "no CUDA device");
        return;
    }
    check_throws(
        ErrorCode::unsupported, [&] { (void)Nccl::from(alone); }, "[nccl] no CUDA device: ");
    check_throws(
        ErrorCode::unsupported, [] { (void)Nccl::from_file("none", 0, 1); }, "[nccl] no CUDA device: ");
    check_throws(
        ErrorCode::value, [] { (void)Nccl::from_file("none", 2, 2); }, "there is no rank 2 among 2");
    std::puts("skipped: what needs a GPU, because there is none");
    std::exit(77);
}

TEST_CASE("One rank on a GPU: collectives, messages, parts") {
    SingleProcess alone;
    Nccl world = Nccl::from(alone, {.timeout = 30});
    check_world_of_one(world);
    Nccl part = world.split(3, 0);
    check_world_of_one(part);
    check_throws(
        ErrorCode::value, [&] { (void)world.split(-1, 0); }, "[split] the color -1 is negative");
    Nccl moved = std::move(part);
    barrier(moved);
}

TEST_CASE("One rank on a GPU, from a file or from the environment") {
    const TemporaryDirectory folder;
    Nccl by_file = Nccl::from_file(folder / "id", 0, 1);
    check_world_of_one(by_file);
    CHECK(entries(folder.path()) == 0);
    for (const auto& [name, value] : {std::pair{"RANK", "0"},
                                      {"WORLD_SIZE", "1"},
                                      {"LOCAL_RANK", "0"},
                                      {"MASTER_ADDR", "127.0.0.1"},
                                      {"MASTER_PORT", "29500"}}) {
        ::setenv(name, value, 1);
    }
    Nccl by_environment = Nccl::from_environment();
    check_world_of_one(by_environment);
}
