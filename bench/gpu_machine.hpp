#pragma once

#include <lapidary/core/philox.hpp>
#include <lapidary/core/tensor.hpp>
#include <lapidary/cuda.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// Clocks, random memory, and what this GPU can do, measured in this process, so that every figure reads as a
/// fraction of it.
namespace bench {

using lapidary::bf16;
using lapidary::ConstView;
using lapidary::Cuda;
using lapidary::Index;
using lapidary::Shape;
using lapidary::View;

inline double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return 0.5 * (values[(values.size() - 1) / 2] + values[values.size() / 2]);
}

/// Bytes of the GPU that nobody has.
inline std::size_t free_memory() {
    std::size_t free = 0, total = 0;
    lapidary::detail::check(cudaMemGetInfo(&free, &total), "bench");
    return free;
}

/// Normal numbers of this deviation: a few million are drawn, and repeated until the view is full.
template <class T>
void fill_normal(lapidary::BasicCuda<T>& gpu, View<T, 1> x, double deviation = 1) {
    const lapidary::Philox random(1, "bench");
    std::vector<T> some;
    for (Index i = 0; i < std::min<Index>(x.size(), Index{1} << 22); ++i)
        some.push_back(T(static_cast<float>(deviation * random.normal(static_cast<std::uint64_t>(i)))));
    gpu.upload(some.data(), x.data, some.size() * sizeof(T));
    for (auto done = static_cast<Index>(some.size()); done < x.size(); done *= 2) {
        const Index count = std::min(done, x.size() - done);
        lapidary::copy(gpu, x.slice(0, count), x.slice(done, count));
    }
}

/// Token ids, small ones more often, as words are.
inline std::vector<std::int32_t> word_ids(Index count, Index vocabulary) {
    const lapidary::Philox random(1, "ids");
    std::vector<std::int32_t> ids;
    for (Index i = 0; i < count; ++i) {
        const double u = random.uniform(static_cast<std::uint64_t>(i));
        ids.push_back(static_cast<std::int32_t>(static_cast<double>(vocabulary) * u * u * u));
    }
    return ids;
}

/// Random memory that no cache holds, handed out in pieces that come round, so that a call never finds what the
/// call before it has left in the cache.
class Ring {
public:
    Ring(Cuda& gpu, std::size_t bytes) : memory_(gpu, {static_cast<Index>(bytes / sizeof(bf16))}) {
        fill_normal(gpu, memory_.view());
    }

    /// The next piece. As floats, too, the numbers are random: the upper half of each is a bf16.
    template <class T, class... Extents>
    View<T, sizeof...(Extents)> take(Extents... extents) {
        const Shape<sizeof...(Extents)> shape{static_cast<Index>(extents)...};
        const std::size_t bytes = (lapidary::byte_count<T>(shape) + 255) / 256 * 256;
        if (used_ + bytes > memory_.bytes()) used_ = 0;
        auto* const data = reinterpret_cast<std::byte*>(memory_.view().data) + used_;
        used_ += bytes, taken_ += bytes;
        return {reinterpret_cast<T*>(data), shape};
    }
    [[nodiscard]] std::size_t taken() const { return taken_; }  ///< bytes, so far
    [[nodiscard]] std::size_t bytes() const { return memory_.bytes(); }

    /// The numbers of another one of this size. Does not wait.
    void copy_from(const Ring& other) {
        const auto result = cudaMemcpyAsync(memory_.view().data, other.memory_.view().data, memory_.bytes(),
                                            cudaMemcpyDeviceToDevice);
        lapidary::detail::check(result, "bench");
    }

private:
    lapidary::Tensor<bf16, 1, Cuda> memory_;
    std::size_t used_ = 0, taken_ = 0;
};

/// Bytes read plus bytes written per second while the driver copies one ring to another.
inline double copy_bandwidth(Cuda& gpu, const Ring& from, Ring& to) {
    std::vector<double> seconds;
    for (int i = 0; i < 12; ++i) {
        gpu.synchronize();
        const double start = now();
        to.copy_from(from);
        lapidary::detail::check(cudaDeviceSynchronize(), "bench");
        if (i >= 2) seconds.push_back(now() - start);
    }
    return 2 * static_cast<double>(from.bytes()) / median(seconds);
}

/// FLOP/s of products of random 8192 x 8192 matrices in bf16. The rings have room for two of them.
inline double product_rate(Cuda& gpu, Ring& in, Ring& out) {
    constexpr Index n = 8192;
    std::vector<double> seconds;
    for (int i = 0; i < 12; ++i) {
        const auto left = in.take<bf16>(n, n), right = in.take<bf16>(n, n);
        gpu.synchronize();
        const double start = now();
        for (int j = 0; j < 5; ++j) matmul(gpu, left, right, out.take<bf16>(n, n));
        gpu.synchronize();
        if (i >= 2) seconds.push_back((now() - start) / 5);
    }
    return 2.0 * n * n * n / median(seconds);
}

/// FLOP/s of bf16 products without sparsity by NVIDIA's data sheets (SXM); 0 where this does not know the GPU.
inline double published_peak(const std::string& gpu) {
    if (gpu.find("H100") != std::string::npos || gpu.find("H200") != std::string::npos) return 989.4e12;
    return gpu.find("A100") != std::string::npos ? 312e12 : 0;
}

}  // namespace bench
