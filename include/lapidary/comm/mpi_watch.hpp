#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

namespace lapidary::detail {

/// Ends the process when a call in which MPI itself waits for all ranks takes longer than `seconds`: nothing else
/// ends it when one of them died. Says so on standard error, as no exception can.
class MpiWatch {
public:
    MpiWatch(const char* call, double seconds)
        : thread_([this, call, seconds] {
              std::unique_lock lock(mutex_);
              if (returned_.wait_for(lock, std::chrono::duration<double>(seconds), [this] { return done_; }))
                  return;
              std::fprintf(stderr,
                           "[%s] not all ranks came within %g s: one ended, hangs, or is in a collective that the "
                           "others did not call\n",
                           call, seconds);
              std::_Exit(1);
          }) {}
    MpiWatch(const MpiWatch&) = delete;
    MpiWatch& operator=(const MpiWatch&) = delete;
    ~MpiWatch() {
        {
            const std::lock_guard lock(mutex_);
            done_ = true;
        }
        returned_.notify_all();
        thread_.join();
    }

private:
    std::mutex mutex_;
    std::condition_variable returned_;
    bool done_ = false;
    std::thread thread_;  // the last member: it uses the others
};

}  // namespace lapidary::detail
