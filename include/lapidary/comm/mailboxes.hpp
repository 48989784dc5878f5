#pragma once

#include <lapidary/comm/lost_rank.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

// What the ranks of `Threads` share: boxes with letters that point into the sender's memory.

namespace lapidary::detail {

struct Letter {
    enum class State { posted, copying, taken };
    const void* data;
    std::size_t bytes;
    State state = State::posted;
};

struct Mailboxes {
    using Address = std::array<int, 3>;  // group, from, to

    explicit Mailboxes(double seconds) : timeout(seconds) {}

    /// A number for a new group, the same for all ranks of `parent` that ask as often with the same color.
    int group(int parent, int rank, int color) {
        const std::lock_guard lock(mutex);
        const int split = splits[{parent, rank}]++;
        return groups.emplace(Address{parent, split, color}, static_cast<int>(groups.size()) + 1).first->second;
    }
    /// A rank of the whole is gone, with an error or without. Who waits for it gives up with the first reason
    /// given.
    void leave(int rank, const std::string& why, std::exception_ptr error = nullptr) {
        const std::lock_guard lock(mutex);
        gone.insert(rank);
        if (failure.empty() || (error && !first_error)) failure = why;
        if (!first_error) first_error = std::move(error);
        changed.notify_all();
    }

    const double timeout;
    std::mutex mutex;  // of all that follows
    std::condition_variable changed;
    std::map<Address, std::deque<std::shared_ptr<Letter>>> boxes;
    std::map<Address, int> groups;
    std::map<std::array<int, 2>, int> splits;  // by group and rank
    std::set<int> gone;
    std::string failure;
    std::exception_ptr first_error;
};

/// One exchange of one rank.
class MailboxExchange {
public:
    /// `names`: the ranks of the group in the whole, for messages.
    MailboxExchange(std::shared_ptr<Mailboxes> shared, std::shared_ptr<const std::vector<int>> names, int group,
                    int rank, const Operation& operation, std::span<const Send> sends,
                    std::span<const Receive> receives)
        : shared_(std::move(shared)),
          names_(std::move(names)),
          group_(group),
          rank_(rank),
          operation_(operation.name),
          seconds_(shared_->timeout * operation.patience),
          receives_(receives.begin(), receives.end()) {
        const std::lock_guard lock(shared_->mutex);
        for (const Send& send : sends) {
            auto letter = std::make_shared<Letter>(Letter{send.data, send.bytes});
            shared_->boxes[{group_, rank_, send.to}].push_back(letter);
            sent_.emplace_back(send.to, std::move(letter));
        }
        shared_->changed.notify_all();
    }
    MailboxExchange(MailboxExchange&& other) noexcept = default;
    MailboxExchange& operator=(MailboxExchange&& other) noexcept {
        std::swap(shared_, other.shared_);
        std::swap(names_, other.names_);
        std::swap(group_, other.group_);
        std::swap(rank_, other.rank_);
        std::swap(operation_, other.operation_);
        std::swap(seconds_, other.seconds_);
        std::swap(receives_, other.receives_);
        std::swap(sent_, other.sent_);
        return *this;
    }
    ~MailboxExchange() {
        if (shared_) withdraw();
    }

    void finish() {
        std::unique_lock lock(shared_->mutex);
        Patience patience(seconds_);
        const auto wait = [&](auto&& ready) {
            while (!ready()) {
                for (const int rank : silent()) {
                    if (shared_->gone.contains(rank))
                        throw Error(ErrorCode::lost_rank, operation_, shared_->failure);
                }
                shared_->changed.wait_for(lock, std::chrono::duration<double>(patience.slice()));
                if (patience.over() && !ready()) {
                    throw Error(ErrorCode::lost_rank, operation_, no_answer(silent(), seconds_));
                }
            }
        };
        while (!receives_.empty()) {  // whichever has come; of one rank, the first first
            auto next = receives_.begin();
            wait([&] {
                next = std::find_if(receives_.begin(), receives_.end(),
                                    [&](const Receive& receive) { return !box_of(receive).empty(); });
                return next != receives_.end();
            });
            const Receive receive = *next;
            receives_.erase(next);
            const auto letter = box_of(receive).front();
            box_of(receive).pop_front();
            if (letter->bytes != receive.bytes) {
                throw Error(ErrorCode::value, operation_,
                            "rank " + std::to_string(name(receive.from)) + " sends " +
                                std::to_string(letter->bytes) + " bytes where " + std::to_string(receive.bytes) +
                                " are expected: the ranks do not call the same functions with the same sizes");
            }
            letter->state = Letter::State::copying;
            lock.unlock();
            if (receive.bytes > 0) std::memcpy(receive.data, letter->data, receive.bytes);
            lock.lock();
            letter->state = Letter::State::taken;
            shared_->changed.notify_all();
        }
        for (; !sent_.empty(); sent_.pop_back()) {
            wait([&] { return sent_.back().second->state == Letter::State::taken; });
        }
    }

private:
    int name(int rank) const { return (*names_)[static_cast<std::size_t>(rank)]; }

    std::deque<std::shared_ptr<Letter>>& box_of(const Receive& receive) const {
        return shared_->boxes[{group_, receive.from, rank_}];
    }

    std::vector<int> silent() const {
        std::set<int> ranks;
        for (const Receive& receive : receives_) {
            if (box_of(receive).empty()) ranks.insert(name(receive.from));
        }
        for (const auto& [to, letter] : sent_) {
            if (letter->state != Letter::State::taken) ranks.insert(name(to));
        }
        return {ranks.begin(), ranks.end()};
    }

    // The sender's memory is about to go: nobody may read it any more.
    void withdraw() {
        std::unique_lock lock(shared_->mutex);
        for (const auto& [to, letter] : sent_) {
            std::erase(shared_->boxes[{group_, rank_, to}], letter);
            shared_->changed.wait(lock, [&, each = letter] { return each->state != Letter::State::copying; });
        }
    }

    std::shared_ptr<Mailboxes> shared_;
    std::shared_ptr<const std::vector<int>> names_;
    int group_;
    int rank_;
    std::string operation_;
    double seconds_;
    std::vector<Receive> receives_;
    std::vector<std::pair<int, std::shared_ptr<Letter>>> sent_;
};

}  // namespace lapidary::detail
