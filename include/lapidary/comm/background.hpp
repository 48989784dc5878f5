#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace lapidary {

/// A thread that does what it is given, one task after the other, while its owner computes. Ranks that begin the
/// same collectives in the same order so finish them in the same order, whatever the timing.
///
/// The first task that throws is the last one done: `wait` throws what it threw, from then on. One owner at a
/// time.
class Background {
public:
    /// Counts the tasks begun.
    using Ticket = std::uint64_t;

    Background() : thread_([this] { work(); }) {}
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;
    /// Drops the tasks that have not begun.
    ~Background() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }

    Ticket begin(std::function<void()> task) {
        const std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
        changed_.notify_all();
        return ++begun_;
    }
    /// Returns when a task, and all before it, are done.
    void wait(Ticket ticket) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return done_ >= ticket || failure_; });
        if (failure_) std::rethrow_exception(failure_);
    }
    void wait() { wait(begun_); }
    /// Drops the tasks that have not begun and returns when none is under way. For whoever gives up.
    void abandon() {
        std::unique_lock lock(mutex_);
        done_ += tasks_.size();
        tasks_.clear();
        changed_.wait(lock, [&] { return done_ >= begun_ || failure_; });
    }

private:
    void work() {
        std::unique_lock lock(mutex_);
        for (;;) {
            changed_.wait(lock, [&] { return stopping_ || (!tasks_.empty() && !failure_); });
            if (stopping_) return;
            const std::function<void()> task = std::move(tasks_.front());
            tasks_.pop_front();
            lock.unlock();
            std::exception_ptr failure;
            try {
                task();
            } catch (...) {
                failure = std::current_exception();
            }
            lock.lock();
            failure_ = failure;
            ++done_;
            changed_.notify_all();
        }
    }

    std::mutex mutex_;  // of all but begun_, which is the owner's
    std::condition_variable changed_;
    std::deque<std::function<void()>> tasks_;
    Ticket begun_ = 0, done_ = 0;
    std::exception_ptr failure_;
    bool stopping_ = false;
    std::thread thread_;  // the last member: it uses the others
};

}  // namespace lapidary
