#pragma once

#include <ucontext.h>

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace lapidary::test {

/// Functions with stacks of their own that run in turns on one thread: each runs until it yields or returns.
class Fibers {
public:
    static constexpr std::size_t stack_bytes = std::size_t{1} << 18;

    /// `body(i)` is what fiber i does.
    Fibers(int count, std::function<void(int)> body)
        : body_(std::move(body)), fibers_(static_cast<std::size_t>(count)) {
        for (Fiber& fiber : fibers_) fiber.stack = std::make_unique_for_overwrite<char[]>(stack_bytes);
    }
    Fibers(const Fibers&) = delete;
    Fibers& operator=(const Fibers&) = delete;

    /// Begins all of them anew; none runs yet.
    void restart() {
        for (std::size_t i = 0; i < fibers_.size(); ++i) {
            Fiber& fiber = fibers_[i];
            ::getcontext(&fiber.context);
            fiber.context.uc_stack.ss_sp = fiber.stack.get();
            fiber.context.uc_stack.ss_size = stack_bytes;
            fiber.context.uc_link = nullptr;
            const auto self = reinterpret_cast<std::size_t>(this);
            ::makecontext(&fiber.context, reinterpret_cast<void (*)()>(&Fibers::enter), 3,
                          static_cast<unsigned>(self >> 32), static_cast<unsigned>(self),
                          static_cast<unsigned>(i));
            fiber.finished = false;
        }
    }
    [[nodiscard]] bool finished(int i) const { return fibers_[static_cast<std::size_t>(i)].finished; }

    /// Runs fiber i until it yields or returns; throws what it threw.
    void resume(int i) {
        current_ = i;
        Fiber& fiber = fibers_[static_cast<std::size_t>(i)];
        leave(&main_fake_, fiber.stack.get(), stack_bytes);
        ::swapcontext(&main_, &fiber.context);
        arrive_in_main(main_fake_);
        if (fiber.error) std::rethrow_exception(std::exchange(fiber.error, nullptr));
    }
    /// Called by the running fiber: back to whoever resumed it.
    void yield() {
        Fiber& fiber = fibers_[static_cast<std::size_t>(current_)];
        leave(&fiber.fake, main_stack_, main_bytes_);
        ::swapcontext(&fiber.context, &main_);
        arrive_in_fiber(fiber.fake);
    }

private:
    struct Fiber {
        std::unique_ptr<char[]> stack;
        ucontext_t context{};
        void* fake = nullptr;  // AddressSanitizer's
        bool finished = true;
        std::exception_ptr error;
    };

    static void enter(unsigned high, unsigned low, unsigned index) {
        auto* self = reinterpret_cast<Fibers*>((std::size_t{high} << 32) | low);
        self->arrive_in_fiber(nullptr);
        Fiber& fiber = self->fibers_[index];
        try {
            self->body_(static_cast<int>(index));
        } catch (...) {
            fiber.error = std::current_exception();
        }
        fiber.finished = true;
        self->leave(nullptr, self->main_stack_, self->main_bytes_);
        ::setcontext(&self->main_);
    }

    // AddressSanitizer wants to know on which stack it is. A fiber learns its caller's when it is entered.
#if defined(__SANITIZE_ADDRESS__)
    static void leave(void** fake, const void* stack, std::size_t bytes) {
        __sanitizer_start_switch_fiber(fake, stack, bytes);
    }
    void arrive_in_fiber(void* fake) { __sanitizer_finish_switch_fiber(fake, &main_stack_, &main_bytes_); }
    static void arrive_in_main(void* fake) { __sanitizer_finish_switch_fiber(fake, nullptr, nullptr); }
#else
    static void leave(void**, const void*, std::size_t) {}
    void arrive_in_fiber(void*) {}
    static void arrive_in_main(void*) {}
#endif

    std::function<void(int)> body_;
    std::vector<Fiber> fibers_;
    ucontext_t main_{};
    void* main_fake_ = nullptr;
    const void* main_stack_ = nullptr;
    std::size_t main_bytes_ = 0;
    int current_ = 0;
};

}  // namespace lapidary::test
