#pragma once

#include <lapidary/core/arena.hpp>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace lapidary {

/// Threads that share out numbered tasks.
///
/// Tasks are claimed as threads become free, so who runs what is a matter of timing; kernels are written so that the
/// result of a task does not depend on it. The caller takes part. Each thread has an arena of its own for temporaries.
class ThreadPool {
public:
    explicit ThreadPool(int threads) {
        if (threads < 1 || threads > 4096) {
            throw Error(ErrorCode::value, "threads", "cannot run " + std::to_string(threads) + " threads");
        }
        for (int i = 0; i < threads; ++i) arenas_.push_back(std::make_unique<Arena>(std::size_t{1} << 32));
        for (int i = 1; i < threads; ++i) {
            workers_.emplace_back([this, i] { work(*arenas_[static_cast<std::size_t>(i)]); });
        }
    }
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;
    ~ThreadPool() {
        stopping_ = true;
        generation_.fetch_add(1);
        generation_.notify_all();
        for (std::thread& worker : workers_) worker.join();
    }

    [[nodiscard]] int size() const { return static_cast<int>(arenas_.size()); }

    /// Calls `task(index, arena)` once for each index in [0, count) and returns when all are done. `task` must not
    /// throw and must not call `run` again.
    template <class Task>
    void run(Index count, Task&& task) {
        if (count <= 0) return;
        if (workers_.empty() || count == 1) {
            for (Index i = 0; i < count; ++i) task(i, *arenas_[0]);
            return;
        }
        call_ = [](void* context, Index i, Arena& arena) { (*static_cast<std::remove_reference_t<Task>*>(context))(i, arena); };
        context_ = const_cast<void*>(static_cast<const void*>(&task));
        count_ = count;
        next_.store(0, std::memory_order_relaxed);
        busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
        generation_.fetch_add(1, std::memory_order_release);
        generation_.notify_all();
        claim(*arenas_[0]);
        wait_until([this] { return busy_.load(std::memory_order_acquire) == 0; }, busy_);
    }

private:
    void claim(Arena& arena) {
        for (Index i = next_.fetch_add(1, std::memory_order_relaxed); i < count_;
             i = next_.fetch_add(1, std::memory_order_relaxed)) {
            call_(context_, i, arena);
        }
    }

    void work(Arena& arena) {
        unsigned seen = 0;
        for (;;) {
            wait_until([&] { return generation_.load(std::memory_order_acquire) != seen; }, generation_);
            ++seen;
            if (stopping_) return;
            claim(arena);
            if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) busy_.notify_all();
        }
    }

    // Regions follow each other within microseconds while a step runs: spin a little before sleeping.
    template <class Ready, class T>
    static void wait_until(Ready&& ready, std::atomic<T>& watched) {
        for (int spin = 0; spin < 20000; ++spin) {
            if (ready()) return;
#if defined(__x86_64__)
            __builtin_ia32_pause();
#endif
        }
        for (;;) {
            const T value = watched.load(std::memory_order_acquire);
            if (ready()) return;
            watched.wait(value, std::memory_order_acquire);
        }
    }

    std::vector<std::unique_ptr<Arena>> arenas_;
    std::vector<std::thread> workers_;
    std::atomic<unsigned> generation_{0};
    std::atomic<int> busy_{0};
    std::atomic<Index> next_{0};
    std::atomic<bool> stopping_{false};
    void (*call_)(void*, Index, Arena&) = nullptr;
    void* context_ = nullptr;
    Index count_ = 0;
};

}  // namespace lapidary
