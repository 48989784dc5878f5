#pragma once

#include <lapidary/comm/nccl_bootstrap.hpp>

#include <nccl.h>

#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace lapidary::detail {

static_assert(NCCL_VERSION_CODE >= NCCL_VERSION(2, 18, 1),
              "lapidary::nccl needs NCCL 2.18, which can split groups");

/// `lost_rank` for what another rank or the way to it causes, `value` for what the caller does, else `io`.
inline ErrorCode nccl_error_code(ncclResult_t result) {
    if (result == ncclInvalidArgument || result == ncclInvalidUsage) return ErrorCode::value;
    return result == ncclUnhandledCudaError ? ErrorCode::io : ErrorCode::lost_rank;
}

inline std::string nccl_error_text(ncclResult_t result) {
    std::string text = std::string("NCCL: ") + ncclGetErrorString(result);
    const char* more = ncclGetLastError(nullptr);
    if (more != nullptr && *more != '\0') text.append(": ").append(more);
    return text;
}

inline void check_nccl(ncclResult_t result, std::string_view operation) {
    if (result != ncclSuccess) throw Error(nccl_error_code(result), operation, nccl_error_text(result));
}

/// Time spent waiting, against a limit in seconds.
class Waiting {
public:
    explicit Waiting(double seconds) : limit_(seconds) {}

    [[nodiscard]] double limit() const { return limit_; }
    [[nodiscard]] bool over() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count() > limit_;
    }
    /// At first as short as can be: most exchanges take microseconds.
    void pause() {
        if (++pauses_ < 2000) {
            std::this_thread::yield();
        } else {
            std::this_thread::sleep_for(std::chrono::microseconds(50));
        }
    }

private:
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    double limit_;
    int pauses_ = 0;
};

/// Owns NCCL's communicator, none of whose calls blocks. At its end it sends what is under way and closes in good
/// order, if it can within the timeout; with an exchange unfinished, or after an error, it drops everything at
/// once.
class NcclHandle {
public:
    /// Throws Error(value) for a timeout that is not positive.
    explicit NcclHandle(double timeout) : timeout_(timeout) {
        if (timeout > 0) return;
        throw Error(ErrorCode::value, "nccl",
                    "the timeout is " + seconds_text(timeout) + ", not more than nothing");
    }
    NcclHandle(NcclHandle&& other) noexcept
        : unfinished(std::exchange(other.unfinished, 0)),
          comm_(std::exchange(other.comm_, nullptr)),
          timeout_(other.timeout_) {}
    NcclHandle& operator=(NcclHandle&& other) noexcept {
        std::swap(unfinished, other.unfinished);
        std::swap(comm_, other.comm_);
        std::swap(timeout_, other.timeout_);
        return *this;
    }
    NcclHandle(const NcclHandle&) = delete;
    NcclHandle& operator=(const NcclHandle&) = delete;
    ~NcclHandle() {
        if (comm_ == nullptr) return;
        if (unfinished == 0 && finalized()) {
            ncclCommDestroy(comm_);
        } else {
            abort();
        }
    }

    /// Called by all ranks; throws as `settle` does.
    static NcclHandle connect(const ncclUniqueId& id, int rank, int size, double timeout) {
        NcclHandle handle(timeout);
        ncclConfig_t config = non_blocking();
        const ncclResult_t result = ncclCommInitRankConfig(&handle.comm_, size, id, rank, &config);
        handle.settle(result, "nccl", "the others of " + std::to_string(size) + " ranks");
        return handle;
    }
    NcclHandle split(const Operation& operation, int color, int key, int size) {
        NcclHandle part(timeout_);
        ncclConfig_t config = non_blocking();
        // NCCL writes the handle when the split is done, or never: the parent has to be waited for, or given up.
        const ncclResult_t result = ncclCommSplit(get(operation), color, key, &part.comm_, &config);
        settle(result, operation, "the others of " + std::to_string(size) + " ranks");
        part.settle(ncclInProgress, operation, "the others of its color");
        return part;
    }

    /// Throws Error(lost_rank) if it was given up.
    ncclComm_t get(const Operation& operation) const {
        if (comm_ == nullptr) {
            throw Error(ErrorCode::lost_rank, operation.name, "this group was given up after an earlier error");
        }
        return comm_;
    }
    void abort() {
        if (comm_ != nullptr) ncclCommAbort(comm_);
        comm_ = nullptr;  // only now: while it is being made, NCCL may write here until it is aborted
    }

    /// After a call that returned `result`: waits until NCCL has done its part. On an error, or when time is up,
    /// gives the communicator up and throws Error(lost_rank, value or io), which names the `ranks` that took part.
    void settle(ncclResult_t result, const Operation& operation, const std::string& ranks) {
        Waiting waiting(timeout_ * operation.patience);
        while (result == ncclSuccess || result == ncclInProgress) {
            result = state(operation);
            if (result == ncclSuccess) return;
            if (waiting.over()) break;
            waiting.pause();
        }
        give_up(result, waiting, operation, ranks);
    }

    /// While an exchange is under way: throws as `settle` does if it failed or time is up.
    void check(const Waiting& waiting, const Operation& operation, const std::string& ranks) {
        const ncclResult_t result = state(operation);
        const bool failed = result != ncclSuccess && result != ncclInProgress;
        if (failed || waiting.over()) give_up(result, waiting, operation, ranks);
    }

    int unfinished = 0;  ///< exchanges that were started

private:
    static ncclConfig_t non_blocking() {
        ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
        config.blocking = 0;
        return config;
    }

    ncclResult_t state(const Operation& operation) const {
        ncclResult_t result = ncclSuccess;
        const ncclResult_t asked = ncclCommGetAsyncError(get(operation), &result);
        return asked != ncclSuccess ? asked : result;
    }

    [[noreturn]] void give_up(ncclResult_t result, const Waiting& waiting, const Operation& operation,
                              const std::string& ranks) {
        const bool failed = result != ncclSuccess && result != ncclInProgress;
        const std::string text =  // before NCCL says more about being aborted
            failed ? nccl_error_text(result) + ", together with " + ranks
                   : "waited " + seconds_text(waiting.limit()) + " for " + ranks +
                         "; NCCL does not tell which of them";
        abort();
        throw Error(failed ? nccl_error_code(result) : ErrorCode::lost_rank, operation.name, text);
    }

    bool finalized() {
        ncclResult_t result = ncclCommFinalize(comm_);
        for (Waiting waiting(timeout_); result == ncclInProgress && !waiting.over(); waiting.pause()) {
            if (ncclCommGetAsyncError(comm_, &result) != ncclSuccess) return false;
        }
        return result == ncclSuccess;
    }

    ncclComm_t comm_ = nullptr;
    double timeout_;
};

}  // namespace lapidary::detail
