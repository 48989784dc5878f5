#pragma once

#include <lapidary/comm/communicator.hpp>
#include <lapidary/comm/mailboxes.hpp>
#include <lapidary/comm/split.hpp>

#include <algorithm>
#include <exception>
#include <memory>
#include <numeric>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace lapidary {

/// Ranks that are threads of one process, each with a device and a state of its own. They copy out of each other's
/// memory, each byte once.
class Threads {
public:
    struct Options {
        double timeout = 60;  ///< seconds that an exchange waits for another rank
    };
    using Pending = detail::MailboxExchange;

    /// Calls `body(world)` on `ranks` threads, each with its own `Threads& world`, and returns when all are done.
    /// If one throws, the others get Error(lost_rank) when they wait for it, and `run` throws what the first one
    /// threw.
    template <class Body>
    static void run(int ranks, Body&& body, Options options = {60}) {
        if (ranks < 1 || ranks > 4096) {
            throw Error(ErrorCode::value, "threads", "cannot run " + std::to_string(ranks) + " ranks");
        }
        detail::require_timeout("threads", options.timeout);
        const auto shared = std::make_shared<detail::Mailboxes>(options.timeout);
        const auto everyone = std::make_shared<std::vector<int>>(static_cast<std::size_t>(ranks));
        std::iota(everyone->begin(), everyone->end(), 0);
        const auto work = [&](int rank) {
            const std::string who = "rank " + std::to_string(rank);
            try {
                Threads world(shared, everyone, 0, rank);
                body(world);
                shared->leave(rank, who + " ended");
            } catch (const std::exception& error) {
                shared->leave(rank, who + " ended with an error: " + error.what(), std::current_exception());
            } catch (...) {
                shared->leave(rank, who + " ended with an error", std::current_exception());
            }
        };
        std::vector<std::thread> threads;
        threads.reserve(static_cast<std::size_t>(ranks));
        try {
            for (int rank = 1; rank < ranks; ++rank) threads.emplace_back(work, rank);
        } catch (const std::system_error& error) {
            for (int rank = static_cast<int>(threads.size()) + 1; rank < ranks; ++rank) {
                shared->leave(rank, std::string("a rank's thread could not be started: ") + error.what(),
                              std::current_exception());
            }
        }
        work(0);
        for (std::thread& thread : threads) thread.join();
        if (shared->first_error) std::rethrow_exception(shared->first_error);
    }

    [[nodiscard]] int rank() const { return rank_; }
    [[nodiscard]] int size() const { return static_cast<int>(names_->size()); }

    Pending start(const Operation& operation, std::span<const Send> sends, std::span<const Receive> receives) {
        return Pending(shared_, names_, group_, rank_, operation, sends, receives);
    }
    void finish(Pending& pending) { pending.finish(); }

    Threads split(int color, int key) {
        std::vector<int> ranks = detail::ranks_of_color(*this, color, key);
        const auto own = std::find(ranks.begin(), ranks.end(), rank_) - ranks.begin();
        for (int& rank : ranks) rank = (*names_)[static_cast<std::size_t>(rank)];
        return {shared_, std::make_shared<const std::vector<int>>(std::move(ranks)),
                shared_->group(group_, rank_, color), static_cast<int>(own)};
    }

private:
    Threads(std::shared_ptr<detail::Mailboxes> shared, std::shared_ptr<const std::vector<int>> names, int group,
            int rank)
        : shared_(std::move(shared)), names_(std::move(names)), group_(group), rank_(rank) {}

    std::shared_ptr<detail::Mailboxes> shared_;
    std::shared_ptr<const std::vector<int>> names_;  // the ranks of this group in the whole
    int group_;
    int rank_;
};
static_assert(Communicator<Threads>);

}  // namespace lapidary
