#pragma once

#include <lapidary/comm/lost_rank.hpp>
#include <lapidary/comm/mpi_watch.hpp>
#include <lapidary/core/shape.hpp>

#if !__has_include(<mpi.h>)
#error "<lapidary/comm/mpi.hpp> needs MPI: link the CMake target lapidary::mpi"
#endif
#include <mpi.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// What the groups of a program have in common, and what one group consists of.

namespace lapidary::detail {

inline void check_mpi(std::string_view operation, int code) {
    if (code == MPI_SUCCESS) return;
    std::array<char, MPI_MAX_ERROR_STRING> text{};
    int length = 0;
    MPI_Error_string(code, text.data(), &length);
    throw Error(ErrorCode::lost_rank, operation,
                std::string("MPI: ") + std::string(text.data(), static_cast<std::size_t>(length)));
}

/// A communicator of our own, which returns errors.
inline MPI_Comm duplicate(MPI_Comm communicator, double seconds) {
    const MpiWatch watch("MPI_Comm_dup", seconds);
    MPI_Comm copy = MPI_COMM_NULL;
    check_mpi("mpi", MPI_Comm_dup(communicator, &copy));
    MPI_Comm_set_errhandler(copy, MPI_ERRORS_RETURN);
    return copy;
}

/// The news that a rank failed, which every rank listens for while it waits.
class MpiNews {
public:
    /// `seconds`: after which to give up waiting for all; `finalise`: whether to finalise MPI in the end.
    MpiNews(MPI_Comm communicator, double seconds, bool finalise)
        : communicator_(duplicate(communicator, seconds)), seconds_(seconds), finalise_(finalise) {
        MPI_Comm_rank(communicator_, &rank_);
        MPI_Comm_size(communicator_, &size_);
        listen();
    }
    MpiNews(const MpiNews&) = delete;
    MpiNews& operator=(const MpiNews&) = delete;
    ~MpiNews() {
        if (failure_.empty() && std::uncaught_exceptions() > exceptions_) {
            fail("rank " + std::to_string(rank_) + " ended with an error of its own");
        }
        if (!failure_.empty()) return;  // to finalise would be to wait for all
        const MpiWatch watch("MPI_Finalize", seconds_);
        MPI_Cancel(&listening_);
        MPI_Request_free(&listening_);
        MPI_Comm_free(&communicator_);
        if (finalise_) MPI_Finalize();
    }

    /// Tells all others, for at most a second.
    void fail(const std::string& why) {
        failure_ = why;
        std::snprintf(outgoing_.data(), outgoing_.size(), "%s", why.c_str());
        std::vector<MPI_Request> requests;
        for (int other = 0; other < size_; ++other) {
            if (other == rank_) continue;
            requests.emplace_back();
            MPI_Isend(outgoing_.data(), static_cast<int>(outgoing_.size()), MPI_CHAR, other, 0, communicator_,
                      &requests.back());
        }
        int done = 0;
        for (int i = 0; i < 1000 && done == 0; ++i) {
            if (MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE) !=
                MPI_SUCCESS)
                return;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
    /// Why a rank failed, or nothing.
    const std::string& failure() {
        int heard = 0;
        if (failure_.empty()) MPI_Test(&listening_, &heard, MPI_STATUS_IGNORE);
        if (heard != 0) failure_ = incoming_.data();
        return failure_;
    }
    [[nodiscard]] int rank() const { return rank_; }
    [[nodiscard]] int size() const { return size_; }

private:
    void listen() {
        MPI_Irecv(incoming_.data(), static_cast<int>(incoming_.size()), MPI_CHAR, MPI_ANY_SOURCE, 0, communicator_,
                  &listening_);
    }

    MPI_Comm communicator_;
    double seconds_;
    bool finalise_;
    int exceptions_ = std::uncaught_exceptions();
    int rank_ = 0;
    int size_ = 1;
    std::array<char, 512> incoming_{}, outgoing_{};
    MPI_Request listening_ = MPI_REQUEST_NULL;
    std::string failure_;
};

/// One group.
struct MpiGroup {
    MpiGroup(std::shared_ptr<MpiNews> all, MPI_Comm communicator, std::vector<int> members, double seconds)
        : news(std::move(all)),
          messages(duplicate(communicator, seconds)),
          names(std::move(members)),
          timeout(seconds) {
        MPI_Comm_rank(messages, &rank);
        MPI_Comm_size(messages, &size);
    }
    MpiGroup(const MpiGroup&) = delete;
    MpiGroup& operator=(const MpiGroup&) = delete;
    ~MpiGroup() {
        if (!news->failure().empty() || std::uncaught_exceptions() > 0) return;
        const MpiWatch watch("MPI_Comm_free", timeout);
        MPI_Comm_free(&messages);
    }

    std::shared_ptr<MpiNews> news;
    MPI_Comm messages;
    std::vector<int> names;  // the group's ranks in the whole
    double timeout;
    int rank = 0;
    int size = 1;
};

}  // namespace lapidary::detail
