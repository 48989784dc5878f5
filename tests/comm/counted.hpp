#pragma once

#include <lapidary/comm/communicator.hpp>

#include <cstddef>
#include <map>
#include <span>
#include <string>

namespace lapidary::test {

/// What a rank sends or receives.
struct Moved {
    std::size_t bytes = 0, messages = 0;

    void add(std::size_t more) {
        bytes += more;
        ++messages;
    }
    friend bool operator==(const Moved&, const Moved&) = default;
};

/// A communicator that counts what this rank exchanges, by operation. As any, it serves one thread at a time.
template <Communicator World>
class Counted {
public:
    struct Count {
        Moved sent, received;
    };
    using Pending = typename World::Pending;
    explicit Counted(World& world) : world_(world) {}
    [[nodiscard]] int rank() const { return world_.rank(); }
    [[nodiscard]] int size() const { return world_.size(); }
    Pending start(const Operation& operation, std::span<const Send> sends, std::span<const Receive> receives) {
        Count& count = counts[std::string(operation.name)];
        for (const Send& send : sends) count.sent.add(send.bytes);
        for (const Receive& receive : receives) count.received.add(receive.bytes);
        return world_.start(operation, sends, receives);
    }
    void finish(Pending& pending) { world_.finish(pending); }
    Counted split(int, int) { return *this; }

    [[nodiscard]] Count total() const {
        Count sum;
        for (const auto& [name, count] : counts) {
            sum.sent.bytes += count.sent.bytes;
            sum.sent.messages += count.sent.messages;
            sum.received.bytes += count.received.bytes;
            sum.received.messages += count.received.messages;
        }
        return sum;
    }

    std::map<std::string, Count> counts;

private:
    World& world_;
};

}  // namespace lapidary::test
