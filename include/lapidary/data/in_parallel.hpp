#pragma once

#include <lapidary/core/error.hpp>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <range/v3/iterator/default_sentinel.hpp>
#include <range/v3/range/concepts.hpp>
#include <range/v3/range/traits.hpp>
#include <range/v3/view/all.hpp>
#include <range/v3/view/facade.hpp>
#include <range/v3/view/view.hpp>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace lapidary {

namespace detail {

/// Threads that turn inputs into outputs, which come back in the order of the inputs. A task that throws does so
/// where its output would have been taken.
template <class Input, class Output>
class OrderedWorkers {
public:
    OrderedWorkers(int threads, std::function<Output(Input&&)> function) : function_(std::move(function)) {
        try {
            for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
        } catch (...) {  // the system gives no more threads
            end();
            throw;
        }
    }
    OrderedWorkers(const OrderedWorkers&) = delete;
    OrderedWorkers& operator=(const OrderedWorkers&) = delete;
    ~OrderedWorkers() { end(); }

    /// Tasks that were put in and not taken out.
    [[nodiscard]] std::size_t size() const { return tasks_.size(); }

    void put(Input input) { enqueue(std::make_shared<Task>(std::move(input))); }
    /// An error in the place of an output.
    void put(std::exception_ptr error) {
        auto task = std::make_shared<Task>();
        task->error = std::move(error);
        task->done = true;
        tasks_.push_back(std::move(task));
    }

    /// Waits for the next output.
    Output take() {
        const std::shared_ptr<Task> task = std::move(tasks_.front());
        tasks_.pop_front();
        std::unique_lock lock(mutex_);
        finished_.wait(lock, [&] { return task->done; });
        if (task->error) std::rethrow_exception(task->error);
        return std::move(*task->output);
    }

private:
    struct Task {
        Task() = default;
        explicit Task(Input&& value) : input(std::move(value)) {}
        std::optional<Input> input;
        std::optional<Output> output;
        std::exception_ptr error;
        bool done = false;
    };

    void enqueue(std::shared_ptr<Task> task) {
        tasks_.push_back(task);
        {
            const std::lock_guard lock(mutex_);
            waiting_.push_back(std::move(task));
        }
        changed_.notify_one();
    }

    void end() {
        {
            const std::lock_guard lock(mutex_);
            ending_ = true;
            waiting_.clear();
        }
        changed_.notify_all();
        for (std::thread& thread : threads_) thread.join();
    }

    void work() {
        std::unique_lock lock(mutex_);
        for (;;) {
            changed_.wait(lock, [&] { return ending_ || !waiting_.empty(); });
            if (ending_) return;
            const std::shared_ptr<Task> task = std::move(waiting_.front());
            waiting_.pop_front();
            lock.unlock();
            try {
                task->output.emplace(function_(std::move(*task->input)));
            } catch (...) {
                task->error = std::current_exception();
            }
            task->input.reset();
            lock.lock();
            task->done = true;
            finished_.notify_all();
        }
    }

    std::function<Output(Input&&)> function_;
    std::deque<std::shared_ptr<Task>> tasks_;    // in order; the caller's alone
    std::deque<std::shared_ptr<Task>> waiting_;  // not begun
    std::mutex mutex_;
    std::condition_variable changed_;
    std::condition_variable finished_;
    bool ending_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace detail

/// The results of a function on the elements of a range, computed by several threads; see `in_parallel`.
template <class Inputs, class Function>
class ParallelView : public ranges::view_facade<ParallelView<Inputs, Function>, ranges::unknown> {
    using Input = ranges::range_value_t<Inputs>;
    using Output = std::invoke_result_t<Function&, Input&&>;

public:
    ParallelView() = default;
    ParallelView(Inputs inputs, int threads, Function function)
        : inputs_(std::move(inputs)),
          ahead_(2 * static_cast<std::size_t>(threads)),
          workers_(std::make_shared<detail::OrderedWorkers<Input, Output>>(threads, std::move(function))) {}

private:
    friend ranges::range_access;
    class Cursor {
    public:
        using single_pass = std::true_type;
        Cursor() = default;
        explicit Cursor(ParallelView& view) : view_(&view) { next(); }
        [[nodiscard]] Output&& read() const { return std::move(*view_->current_); }
        [[nodiscard]] bool equal(ranges::default_sentinel_t /*end*/) const { return !view_->current_; }
        void next() { view_->next(); }

    private:
        ParallelView* view_ = nullptr;
    };

    Cursor begin_cursor() { return Cursor(*this); }

    void next() {
        while (!exhausted_ && workers_->size() < ahead_) pull();
        current_.reset();
        if (workers_->size() > 0) current_.emplace(workers_->take());
    }

    // Takes one more element. An error of the range waits for its turn, behind those of the elements before it.
    void pull() {
        try {
            if (!position_) {
                position_.emplace(ranges::begin(inputs_));
            } else {
                ++*position_;
            }
            exhausted_ = *position_ == ranges::end(inputs_);
            if (!exhausted_) workers_->put(Input(**position_));
        } catch (...) {
            exhausted_ = true;
            workers_->put(std::current_exception());
        }
    }

    Inputs inputs_;
    std::size_t ahead_ = 0;
    std::shared_ptr<detail::OrderedWorkers<Input, Output>> workers_;
    std::optional<ranges::iterator_t<Inputs>> position_;
    std::optional<Output> current_;
    bool exhausted_ = false;
};

/// `inputs | in_parallel(threads, function)`: `function` of every element, in order, computed by `threads`
/// threads, a few elements ahead. Single-pass. The result does not depend on the number of threads, provided that
/// `function` is pure; nor does the error: the first in order is thrown. Throws Error(value) for less than one
/// thread.
template <class Function>
auto in_parallel(int threads, Function function) {
    if (threads < 1) throw Error(ErrorCode::value, "in_parallel", std::to_string(threads) + " threads");
    return ranges::make_view_closure([threads, function = std::move(function)](auto&& inputs) {
        using View = ranges::views::all_t<decltype(inputs)>;
        return ParallelView<View, Function>(ranges::views::all(std::forward<decltype(inputs)>(inputs)), threads,
                                            function);
    });
}

}  // namespace lapidary
