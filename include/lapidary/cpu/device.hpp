#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/core/host_memory.hpp>
#include <lapidary/cpu/thread_pool.hpp>

#include <algorithm>
#include <thread>

namespace lapidary {

struct CpuOptions {
    int threads = 0;                                  ///< 0: one per core
    std::size_t scratch_bytes = std::size_t{1} << 38; ///< address space for activations; only what is touched is used
};

/// The CPU in single precision: threads and scratch memory. One program may hold several.
///
/// Results do not depend on the number of threads or on the vector width of the machine. Not thread safe: one
/// operation at a time.
class Cpu {
public:
    using Scalar = float;

    explicit Cpu(CpuOptions options = {})
        : pool_(options.threads > 0 ? options.threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()))),
          scratch_(options.scratch_bytes) {}

    Arena& scratch() { return scratch_; }
    [[nodiscard]] int threads() const { return pool_.size(); }

    void* allocate(std::size_t bytes) { return HostMemory::allocate(bytes); }
    void release(void* memory, std::size_t bytes) noexcept { HostMemory::release(memory, bytes); }
    void upload(const void* source, void* target, std::size_t bytes) { HostMemory::copy(source, target, bytes); }
    void download(const void* source, void* target, std::size_t bytes) { HostMemory::copy(source, target, bytes); }

    /// Calls `task(index, arena)` for each index in [0, count), shared out over the threads.
    template <class Task>
    void run(Index count, Task&& task) {
        pool_.run(count, task);
    }

    /// Calls `task(first, count, arena)` for consecutive ranges of at most `grain` that cover [0, size).
    template <class Task>
    void run_ranges(Index size, Index grain, Task&& task) {
        pool_.run(ceil_div(size, grain), [&](Index i, Arena& arena) {
            const Index first = i * grain;
            task(first, std::min(grain, size - first), arena);
        });
    }

private:
    ThreadPool pool_;
    Arena scratch_;
};
static_assert(Device<Cpu>);

}  // namespace lapidary
