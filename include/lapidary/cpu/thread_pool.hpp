#pragma once

#include <lapidary/core/arena.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace lapidary {

/// Threads that share out numbered tasks.
///
/// Tasks are claimed as threads become free, so who runs what is a matter of timing; kernels are written so that
/// the result of a task does not depend on it. The caller takes part. Each thread has an arena of its own for
/// temporaries; what a task allocates there is freed when it returns.
class ThreadPool {
public:
    /// `scratch_bytes`: address space for the arena of each thread. Throws Error(value) unless there are 1 to 4096
    /// threads, Error(memory) where the operating system grants no more threads or address space.
    explicit ThreadPool(int threads, std::size_t scratch_bytes = std::size_t{1} << 32) {
        if (threads < 1 || threads > 4096) {
            throw Error(ErrorCode::value, "threads", "cannot run " + std::to_string(threads) + " threads");
        }
        // Waiting threads spin a little before they sleep, unless that would take a core from one that works.
        spins_ = threads <= static_cast<int>(std::thread::hardware_concurrency()) ? 4000 : 0;
        for (int i = 0; i < threads; ++i) {
            arenas_.push_back(std::make_unique<Arena>(scratch_bytes, "thread_scratch_bytes"));
        }
        workers_.reserve(static_cast<std::size_t>(threads));
        try {
            for (int i = 1; i < threads; ++i) {
                workers_.emplace_back([this, i] { work(*arenas_[static_cast<std::size_t>(i)]); });
            }
        } catch (const std::system_error& error) {
            const std::size_t started = workers_.size() + 1;
            stop();
            throw Error(ErrorCode::memory, "threads",
                        "could start " + std::to_string(started) + " of " + std::to_string(threads) +
                            " threads: " + error.what());
        }
    }
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;
    ~ThreadPool() { stop(); }

    [[nodiscard]] int size() const { return static_cast<int>(arenas_.size()); }

    /// Calls `task(index, arena)` once for each index in [0, count) and returns when all are done. `task` must not
    /// call `run` again. Threads that get no processor in time are not waited for. If tasks throw, `run` throws
    /// what the one with the lowest index threw; those after it may or may not have run.
    template <class Task>
    void run(Index count, Task&& task) {
        if (workers_.empty() || count <= 1) {
            for (Index i = 0; i < count; ++i) {
                ScratchScope scope(*arenas_[0]);
                task(i, *arenas_[0]);
            }
            return;
        }
        if (count > most_tasks) throw Error(ErrorCode::value, "threads", std::to_string(count) + " tasks at once");
        call_ = [](void* context, Index i, Arena& arena) {
            ScratchScope scope(arena);
            (*static_cast<std::remove_reference_t<Task>*>(context))(i, arena);
        };
        context_ = const_cast<void*>(static_cast<const void*>(&task));
        count_ = count;
        done_.store(0, std::memory_order_relaxed);
        const std::uint64_t next_run = (tickets_.load(std::memory_order_relaxed) | most_tasks) + 1;
        tickets_.store(next_run | static_cast<std::uint64_t>(count), std::memory_order_release);
        wake_workers();
        work_off(*arenas_[0]);
        const auto all = static_cast<std::uint32_t>(count);
        wait_while(done_, [all](std::uint32_t done) { return done != all; });
        if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    }

private:
    static constexpr Index most_tasks = 0xffffffff;

    // A ticket is the number of the run (upper half) and how many tasks are left (lower half). Taking one by
    // compare-and-swap pins the run: it cannot end before the task is done, so its context may be read.
    void work_off(Arena& arena) {
        std::uint64_t ticket = tickets_.load(std::memory_order_acquire);
        for (;;) {
            const auto left = static_cast<Index>(ticket & most_tasks);
            if (left == 0) return;
            if (!tickets_.compare_exchange_weak(ticket, ticket - 1, std::memory_order_acq_rel,
                                                std::memory_order_acquire)) {
                continue;
            }
            const auto count = static_cast<std::uint32_t>(count_);
            const Index index = count_ - left;
            try {
                call_(context_, index, arena);
            } catch (...) {
                const std::lock_guard lock(failing_);
                if (!failure_ || index < failed_) {
                    failure_ = std::current_exception();
                    failed_ = index;
                }
            }
            if (done_.fetch_add(1, std::memory_order_acq_rel) + 1 == count) done_.notify_one();
            ticket = tickets_.load(std::memory_order_acquire);
        }
    }

    void work(Arena& arena) {
        for (;;) {
            const std::uint32_t seen = wakes_.load(std::memory_order_acquire);
            if (stopping_) return;
            work_off(arena);
            wait_while(wakes_, [seen](std::uint32_t wakes) { return wakes == seen; });
        }
    }

    void stop() {
        stopping_ = true;
        wake_workers();
        for (std::thread& worker : workers_) worker.join();
    }

    void wake_workers() {
        wakes_.fetch_add(1, std::memory_order_acq_rel);
        wakes_.notify_all();
    }

    template <class Waiting>
    void wait_while(std::atomic<std::uint32_t>& watched, Waiting&& waiting) {
        std::uint32_t value = watched.load(std::memory_order_acquire);
        for (int spin = 0; spin < spins_ && waiting(value); ++spin) {
#if defined(__x86_64__)
            __builtin_ia32_pause();
#endif
            value = watched.load(std::memory_order_acquire);
        }
        while (waiting(value)) {
            watched.wait(value, std::memory_order_acquire);
            value = watched.load(std::memory_order_acquire);
        }
    }

    std::vector<std::unique_ptr<Arena>> arenas_;
    std::vector<std::thread> workers_;
    std::atomic<std::uint64_t> tickets_{0};
    std::atomic<std::uint32_t> wakes_{0};
    std::atomic<std::uint32_t> done_{0};
    std::atomic<bool> stopping_{false};
    int spins_ = 0;
    void (*call_)(void*, Index, Arena&) = nullptr;
    void* context_ = nullptr;
    Index count_ = 0;
    std::mutex failing_;
    std::exception_ptr failure_;
    Index failed_ = 0;  // which task threw it
};

}  // namespace lapidary
