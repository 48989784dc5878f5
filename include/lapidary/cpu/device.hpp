#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/core/host_memory.hpp>
#include <lapidary/cpu/thread_pool.hpp>

#include <algorithm>
#include <cstddef>
#include <thread>

namespace lapidary {

/// Both sizes are address space; only what is touched becomes memory.
struct CpuOptions {
    int threads = 0;                                          ///< 0: one per core
    std::size_t scratch_bytes = std::size_t{1} << 38;         ///< for activations
    std::size_t thread_scratch_bytes = std::size_t{1} << 32;  ///< for the temporaries of each thread
};

/// The CPU in single precision: threads and scratch memory. One program may hold several.
///
/// Results do not depend on the number of threads or on the vector width of the machine. Not thread safe: one
/// operation at a time. Throws Error(value) for a number of threads outside [0, 4096], Error(memory) where the
/// operating system refuses threads or address space.
///
/// Compile for the machine (`-march=native`, or at least an instruction set with fused multiply-adds): without
/// them the same bits are computed some sixty times slower. The compiler then prints a note, which
/// LAPIDARY_PORTABLE_CPU, when defined, silences.
class Cpu {
public:
    using Scalar = float;

    explicit Cpu(CpuOptions options = {})
        : pool_(options.threads != 0 ? options.threads
                                     : std::max(1, static_cast<int>(std::thread::hardware_concurrency())),
                options.thread_scratch_bytes),
          scratch_(options.scratch_bytes, "scratch_bytes") {}

    /// A device of one thread that may work at the same time as this one.
    [[nodiscard]] Cpu sibling() const {
        return Cpu(
            {.threads = 1, .scratch_bytes = std::size_t{1} << 32, .thread_scratch_bytes = std::size_t{1} << 26});
    }

    Arena& scratch() { return scratch_; }
    [[nodiscard]] int threads() const { return pool_.size(); }

    void* allocate(std::size_t bytes) { return HostMemory::allocate(bytes); }
    void release(void* memory, std::size_t bytes) noexcept { HostMemory::release(memory, bytes); }
    void upload(const void* source, void* target, std::size_t bytes) { HostMemory::copy(source, target, bytes); }
    void download(const void* source, void* target, std::size_t bytes) { HostMemory::copy(source, target, bytes); }

    /// Calls `task(index, arena)` for each index in [0, count), shared out over the threads; `arena` is for
    /// temporaries, freed when the task returns. Throws what the failing task with the lowest index threw.
    template <class Task>
    void run(Index count, Task&& task) {
        pool_.run(count, task);
    }

    /// Calls `task(first, count, arena)` for consecutive ranges of at most `grain` that cover [0, size); else
    /// as `run`.
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
