#pragma once

#include <lapidary/core/arena.hpp>
#include <lapidary/core/bf16.hpp>
#include <lapidary/core/device.hpp>
#include <lapidary/cuda/cudnn/attention.hpp>
#include <lapidary/cuda/gpu.hpp>
#include <lapidary/cuda/gpu_info.hpp>
#include <lapidary/cuda/handles.hpp>
#include <lapidary/cuda/products.hpp>
#include <lapidary/cuda/recorded_work.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace lapidary {

struct CudaOptions {
    int device = 0;                                       ///< as CUDA counts those that this process sees
    std::size_t scratch_bytes = 0;                        ///< for activations; 0: 40 % of what is free
    std::size_t workspace_bytes = std::size_t{64} << 20;  ///< for products
    /// Time the algorithms that come into question for each shape of product when it first appears, and keep the
    /// fastest. Runs repeat bit for bit only with what one of them chose (`product_table`).
    bool tune_products = false;
    bool graphs = true;  ///< record what repeats (`repeat`) and launch it at once; never changes a bit
    bool cudnn = false;  ///< attention of bf16 by cuDNN where it is there and able to; changes bits
};

/// An NVIDIA GPU (compute capability 8.0 or higher), in mixed precision with T = bf16: weights, activations and
/// their gradients are bf16; gradients of parameters, statistics and sums are float. With T = float all are, and
/// products too are of floats (no TF32).
///
/// Results repeat bit for bit on the same kind of GPU with the same CUDA. A program needs `lapidary_add_kernels`
/// (CMake), which compiles what runs on the GPU. Operations return before they are done; `upload` and `download`
/// return when they and all before are. One owner at a time, who may be of any thread.
///
/// Throws Error(unsupported) without a GPU, driver or kernels that fit, and without cuDNN where that is asked for,
/// Error(value) for a device that is not there, Error(memory) where the GPU has no room. What fails while the GPU
/// works is an Error of a later call.
template <class T>
class BasicCuda {
    static_assert(std::is_same_v<T, bf16> || std::is_same_v<T, float>);

public:
    using Scalar = T;
    static constexpr bool runs_kernels = true;
    /// Tokens whose logits exist at once: enough for products that are not limited by memory.
    static constexpr Index loss_chunk_tokens = std::is_same_v<T, bf16> ? 4096 : 512;

    explicit BasicCuda(CudaOptions options = {}) : BasicCuda(detail::open_gpu(options.device), options) {}
    BasicCuda(const BasicCuda&) = delete;
    BasicCuda& operator=(const BasicCuda&) = delete;

    /// Another one on the same GPU and memory, with little scratch. Neither waits for the other: `synchronize` the
    /// one before the other goes on with its results.
    [[nodiscard]] BasicCuda sibling() const {
        CudaOptions options = options_;
        options.scratch_bytes = std::size_t{256} << 20;
        return BasicCuda(gpu_, options, products_.table());
    }

    Arena& scratch() { return scratch_; }
    [[nodiscard]] const std::string& name() const { return gpu_.name; }
    [[nodiscard]] int multiprocessors() const { return gpu_.multiprocessors; }

    /// Zeroed, 256-byte aligned.
    void* allocate(std::size_t bytes) {
        use();
        detail::GpuMemory memory = detail::make_gpu_memory(bytes, "weights and what belongs to them");
        clear(memory.get(), bytes);
        return memory.release();
    }
    void release(void* memory, std::size_t) noexcept { detail::GpuRelease()(static_cast<std::byte*>(memory)); }
    void upload(const void* source, void* target, std::size_t bytes) {
        copy(source, target, bytes, cudaMemcpyHostToDevice, "upload");
    }
    void download(const void* source, void* target, std::size_t bytes) {
        copy(source, target, bytes, cudaMemcpyDeviceToHost, "download");
    }
    void clear(void* memory, std::size_t bytes) {
        if (bytes == 0) return;
        use();
        detail::check(cudaMemsetAsync(memory, 0, bytes, stream_.get()), "clear");
    }
    /// Returns when all is done. Throws what went wrong meanwhile.
    void synchronize() {
        use();
        detail::check(cudaStreamSynchronize(stream_.get()), "synchronize");
    }

    template <class Kernel>
    void launch(const LaunchShape& shape, const Kernel& kernel);  // cuda/launch.cuh
    /// Throws Error(unsupported) if the program was compiled without kernels for this GPU.
    void require_kernels() const;  // cuda/launch.cuh
    template <class Out>
    void multiply(const Product<T, Out>& product) {
        use();
        products_.multiply(product, stream_.get(), scratch_);
    }

    /// What was recorded of this device's work.
    using Records = RecordedWork;
    /// Does `work`, or what was recorded of it when the scratch was as full as it is now; see RecordedWork.
    template <class Work>
    void repeat(Records& records, std::vector<Index> key, Work&& work) {
        if (!options_.graphs) return work();
        use();
        key.push_back(static_cast<Index>(scratch_.used()));
        key.push_back(static_cast<Index>(reinterpret_cast<std::intptr_t>(scratch_memory_.get())));
        records.repeat(stream_.get(), key, work);
    }
    /// Has cuDNN compute an attention (CudnnForward) or its gradient (CudnnGradient), sequence by sequence, if it
    /// is wanted, there and able to. Whether it was.
    template <class Call>
    bool compute_by_cudnn(const Call& call) {
        if (!cudnn_ || call.q.batch == 0) return false;
        use();
        for (Index b = 0; b < call.q.batch; ++b) {
            const Call part = cudnn_sequence(call, b);
            const std::optional<std::size_t> bytes = cudnn_->workspace_bytes(part);
            if (!bytes) return false;  // then of the first sequence: they have one shape
            ScratchScope scope(scratch_);
            constexpr std::size_t alignment = 256;
            auto* memory = scratch_.template allocate<std::byte, 1>({static_cast<Index>(*bytes + alignment)}).data;
            memory += alignment - reinterpret_cast<std::uintptr_t>(memory) % alignment;
            cudnn_->compute(stream_.get(), part, std::span(memory, *bytes));
        }
        return true;
    }

    /// The algorithms with which products have been computed, to be recorded with the run.
    [[nodiscard]] ProductTable product_table() const {
        ProductTable table = products_.table();
        table.cudnn = cudnn_ ? cudnn_->version() : 0;
        return table;
    }
    /// Computes with these from now on, which what was recorded before does not know. Throws Error(unsupported)
    /// for another GPU's or library's, Error(format).
    void pin_products(const ProductTable& table) {
        const std::size_t here = product_table().cudnn;
        if (table.cudnn != here) {
            throw Error(ErrorCode::unsupported, "products",
                        "recorded with cuDNN " + std::to_string(table.cudnn) + ", but this is " +
                            std::to_string(here) + " (0: none): results would not be the same bits");
        }
        products_.pin(table);
    }

private:
    BasicCuda(const detail::GpuInfo& gpu, const CudaOptions& options, const ProductTable& pinned)
        : BasicCuda(gpu, options) {
        products_.pin(pinned);
    }
    BasicCuda(const detail::GpuInfo& gpu, const CudaOptions& options)
        : gpu_(gpu),
          options_(options),
          stream_((use(), detail::make_gpu_stream())),
          products_(gpu, options.workspace_bytes, options.tune_products),
          scratch_bytes_(options.scratch_bytes != 0 ? options.scratch_bytes : default_scratch()),
          scratch_memory_(detail::make_gpu_memory(scratch_bytes_, "scratch (scratch_bytes)")),
          scratch_(scratch_memory_.get(), scratch_bytes_, "scratch_bytes") {
        require_kernels();
        if (options.cudnn) require_cudnn();
    }

    static std::size_t default_scratch() {
        std::size_t free = 0, total = 0;
        detail::check(cudaMemGetInfo(&free, &total), "cuda");
        return free / 5 * 2 / Arena::alignment * Arena::alignment;
    }
    void require_cudnn() {
        if constexpr (std::is_same_v<T, bf16>) cudnn_ = CudnnAttention::find(gpu_.capability);
        if (cudnn_) return;
        throw Error(
            ErrorCode::unsupported, "cuda",
            std::string(
                "cuDNN's attention was asked for, which takes bf16, cuDNN 9.18 or later (libcudnn.so.9, ") +
                (built_with_cudnn ? "" : "whose headers were not there when this program was built, ") +
                "found when the program runs) and a GPU of compute capability 9.x: this is " + gpu_.name);
    }
    // Threads have each a current GPU, which streams must belong to.
    void use() const { detail::check(cudaSetDevice(gpu_.index), "cuda"); }
    void copy(const void* source, void* target, std::size_t bytes, cudaMemcpyKind kind, const char* operation) {
        use();
        if (bytes != 0) detail::check(cudaMemcpyAsync(target, source, bytes, kind, stream_.get()), operation);
        detail::check(cudaStreamSynchronize(stream_.get()), operation);
    }

    detail::GpuInfo gpu_;
    CudaOptions options_;
    detail::GpuStream stream_;
    detail::Products products_;
    std::size_t scratch_bytes_;
    detail::GpuMemory scratch_memory_;
    Arena scratch_;
    std::optional<CudnnAttention> cudnn_;
};

using Cuda = BasicCuda<bf16>;         ///< mixed precision
using CudaSingle = BasicCuda<float>;  ///< single precision
static_assert(Gpu<Cuda> && Gpu<CudaSingle>);

}  // namespace lapidary
