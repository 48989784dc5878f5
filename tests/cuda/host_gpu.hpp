#pragma once

#include "host_thread.hpp"

#include <lapidary/core/arena.hpp>
#include <lapidary/cuda/gpu.hpp>

#include <cstring>
#include <functional>
#include <map>
#include <new>
#include <stdexcept>
#include <utility>
#include <vector>

namespace lapidary::test {

/// A stand-in for a GPU: runs kernels on the host, block after block, and products as plain loops. It watches what
/// a GPU would not tell: threads that miss a barrier, memory behind the end of an array (AddressSanitizer), values
/// that were never written (they are NaN). Work that repeats is recorded, as CUDA graphs are, unless `graphs` is
/// false: what the host does in between, and what has moved, shows.
template <class T>
class HostGpu {
public:
    using Scalar = T;
    static constexpr bool runs_kernels = true;

    explicit HostGpu(ThreadOrder order = ThreadOrder::forward, bool graphs = true)
        : order_(order), graphs_(graphs) {}
    [[nodiscard]] HostGpu sibling() const { return HostGpu(order_, graphs_); }

    Arena& scratch() { return scratch_; }
    /// How often memory was asked for.
    [[nodiscard]] int allocations() const { return allocations_; }
    void* allocate(std::size_t bytes) {
        ++allocations_;
        void* memory = ::operator new(bytes, std::align_val_t{64});
        std::memset(memory, 0, bytes);
        return memory;
    }
    void release(void* memory, std::size_t) noexcept { ::operator delete(memory, std::align_val_t{64}); }
    void upload(const void* source, void* target, std::size_t bytes) { copy(source, target, bytes); }
    void download(const void* source, void* target, std::size_t bytes) { copy(source, target, bytes); }
    void clear(void* memory, std::size_t bytes) {
        perform([=](HostGpu&) {
            if (bytes != 0) std::memset(memory, 0, bytes);
        });
    }
    template <class Kernel>
    void launch(const LaunchShape& shape, const Kernel& kernel) {
        perform([=](HostGpu& gpu) { gpu.run(shape, kernel); });
    }
    template <class Out>
    void multiply(const Product<T, Out>& product) {
        perform([=](HostGpu& gpu) { gpu.compute(product); });
    }

    using Records = std::map<std::vector<Index>, std::vector<std::function<void(HostGpu&)>>>;
    template <class Work>
    void repeat(Records& records, std::vector<Index> key, Work&& work) {
        if (!graphs_) return work();
        key.push_back(static_cast<Index>(scratch_.used()));
        const bool known = records.contains(key);
        auto& record = records[key];
        if (!known) return work();
        if (record.empty()) {
            recording_ = &record;
            work();
            recording_ = nullptr;
        }
        for (const auto& step : record) step(*this);
    }

private:
    template <class Step>
    void perform(Step step) {
        if (recording_ != nullptr) {
            recording_->emplace_back(step);
        } else {
            step(*this);
        }
    }
    template <class Kernel>
    void run(const LaunchShape& shape, const Kernel& kernel) {
        if (shape.x == 0 || shape.y == 0 || shape.z == 0) return;
        if (shape.y > 65535 || shape.z > 65535) throw std::logic_error("too many blocks along y or z");
        HostBlock block(shape, order_, [&kernel](HostBlock& own, int i) {
            HostThread thread(own, i);
            kernel(thread);
            thread.finish();
        });
        for (Index z = 0; z < shape.z; ++z) {
            for (Index y = 0; y < shape.y; ++y) {
                for (Index x = 0; x < shape.x; ++x) block.run({x, y, z});
            }
        }
    }

    template <class Out>
    void compute(const Product<T, Out>& p) {
        if (p.rows <= 0 || p.columns <= 0 || p.depth <= 0) throw std::logic_error("a product without elements");
        if (sizeof(T) == sizeof(bf16)) {
            require_rows(p.left, p.left_transposed ? p.rows : p.depth);
            require_rows(p.right, p.right_transposed ? p.depth : p.columns);
            require_rows(p.out, p.columns);
            require_rows(p.addend, p.columns);
        }
        for (Index i = 0; i < p.rows; ++i) {
            for (Index j = 0; j < p.columns; ++j) {
                float sum = p.addend != nullptr ? static_cast<float>(p.addend[i * p.columns + j]) : 0.0F;
                for (Index k = 0; k < p.depth; ++k) {
                    sum +=
                        static_cast<float>(p.left_transposed ? p.left[k * p.rows + i] : p.left[i * p.depth + k]) *
                        static_cast<float>(p.right_transposed ? p.right[j * p.depth + k]
                                                              : p.right[k * p.columns + j]);
                }
                p.out[i * p.columns + j] = static_cast<Out>(sum);
            }
        }
    }

    template <class Element>
    static void require_rows(const Element* first, Index columns) {
        if (reinterpret_cast<std::uintptr_t>(first) % 16 != 0 ||
            static_cast<std::size_t>(columns) * sizeof(Element) % 16 != 0)
            throw std::logic_error("rows that do not begin at multiples of 16 bytes");
    }
    void copy(const void* source, void* target, std::size_t bytes) const {
        if (recording_ != nullptr) throw std::logic_error("work that is recorded waits for the GPU");
        if (bytes != 0) std::memcpy(target, source, bytes);
    }

    ThreadOrder order_;
    bool graphs_;
    std::vector<std::function<void(HostGpu&)>>* recording_ = nullptr;
    int allocations_ = 0;
    Arena scratch_;
};
static_assert(Gpu<HostGpu<float>> && Gpu<HostGpu<bf16>>);

}  // namespace lapidary::test
