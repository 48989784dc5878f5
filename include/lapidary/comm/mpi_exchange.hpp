#pragma once

#include <lapidary/comm/mpi_group.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace lapidary::detail {

/// One exchange of one rank: non-blocking messages, finished by polling, so that silence can be told from
/// slowness.
class MpiExchange {
public:
    MpiExchange(std::shared_ptr<MpiGroup> group, const Operation& operation, std::span<const Send> sends,
                std::span<const Receive> receives)
        : group_(std::move(group)), operation_(operation.name), seconds_(group_->timeout * operation.patience) {
        for (const Receive& receive : receives) {
            pieces(receive.bytes, [&](std::size_t first, int count) {
                auto* data = static_cast<std::byte*>(receive.data) + first;
                check_mpi(operation_, MPI_Irecv(data, count, MPI_BYTE, receive.from, 0, group_->messages,
                                                add(receive.from, count)));
            });
        }
        receives_ = requests_.size();
        for (const Send& send : sends) {
            pieces(send.bytes, [&](std::size_t first, int count) {
                const auto* data = static_cast<const std::byte*>(send.data) + first;
                check_mpi(operation_,
                          MPI_Isend(data, count, MPI_BYTE, send.to, 0, group_->messages, add(send.to, count)));
            });
        }
    }

    void finish() {
        Patience patience(seconds_);
        double heard = -1;  // when there was news of a failure
        std::vector<MPI_Status> statuses(requests_.size());
        for (Index polls = 0;; ++polls) {
            int done = 0;
            const int code =
                MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &done, statuses.data());
            if (code != MPI_SUCCESS) fail_by(statuses, code);
            if (done != 0) return check_sizes(statuses);
            const bool over = patience.over();
            // Who failed may have done so behind this exchange, which then will still come to its end.
            if (polls % 64 == 63 && !group_->news->failure().empty()) {
                if (heard < 0) heard = patience.waited();
                if (patience.waited() > heard + 0.5)
                    throw Error(ErrorCode::lost_rank, operation_, group_->news->failure());
            }
            if (over) give_up();
            // The processor may be needed for what is waited for.
            if (patience.waited() < 2e-4) {
                std::this_thread::yield();
            } else {
                std::this_thread::sleep_for(std::chrono::microseconds(patience.waited() < 0.1 ? 20 : 500));
            }
        }
    }

private:
    // MPI counts in int.
    template <class Visit>
    static void pieces(std::size_t bytes, Visit&& visit) {
        constexpr std::size_t most = std::size_t{1} << 30;
        std::size_t first = 0;
        do {
            const std::size_t count = std::min(most, bytes - first);
            visit(first, static_cast<int>(count));
            first += count;
        } while (first < bytes);
    }

    MPI_Request* add(int peer, int bytes) {
        peers_.push_back(peer);
        bytes_.push_back(bytes);
        return &requests_.emplace_back(MPI_REQUEST_NULL);
    }

    [[nodiscard]] int name(std::size_t request) const {
        return group_->names[static_cast<std::size_t>(peers_[request])];
    }

    void check_sizes(const std::vector<MPI_Status>& statuses) {
        for (std::size_t i = 0; i < receives_; ++i) {
            int got = 0;
            MPI_Get_count(&statuses[i], MPI_BYTE, &got);
            if (got != bytes_[i]) fail_size(i, std::to_string(got));
        }
    }
    // All others learn of it first: what is still under way ends in memory that is gone once this has been thrown.
    void fail_size(std::size_t request, const std::string& got) {
        fail(ErrorCode::value, "rank " + std::to_string(name(request)) + " sends " + got + " bytes where " +
                                   std::to_string(bytes_[request]) +
                                   " are expected: the ranks do not call the same functions with the same sizes");
    }
    void fail_by(const std::vector<MPI_Status>& statuses, int code) {
        for (std::size_t i = 0; i < statuses.size() && code == MPI_ERR_IN_STATUS; ++i) {
            int kind = MPI_SUCCESS;
            MPI_Error_class(statuses[i].MPI_ERROR, &kind);
            if (kind == MPI_ERR_TRUNCATE) fail_size(i, "more");
            if (kind != MPI_SUCCESS && kind != MPI_ERR_PENDING) code = statuses[i].MPI_ERROR;
        }
        check_mpi(operation_, code);
    }
    void fail(ErrorCode code, const std::string& why) {
        group_->news->fail(why + " (noticed by rank " + std::to_string(group_->news->rank()) + " in " +
                           operation_ + ")");
        throw Error(code, operation_, why);
    }
    // Returns if all has come after all.
    void give_up() {
        std::set<int> silent;
        for (std::size_t i = 0; i < requests_.size(); ++i) {
            int done = 0;
            if (requests_[i] != MPI_REQUEST_NULL) MPI_Test(&requests_[i], &done, MPI_STATUS_IGNORE);
            if (requests_[i] != MPI_REQUEST_NULL && done == 0) silent.insert(name(i));
        }
        if (silent.empty()) return;
        fail(ErrorCode::lost_rank, no_answer({silent.begin(), silent.end()}, seconds_));
    }

    std::shared_ptr<MpiGroup> group_;
    std::string operation_;
    double seconds_;
    std::vector<MPI_Request> requests_;
    std::vector<int> peers_, bytes_;
    std::size_t receives_ = 0;  // they come first
};

}  // namespace lapidary::detail
