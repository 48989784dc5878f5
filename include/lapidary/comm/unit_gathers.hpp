#pragma once

#include <lapidary/comm/unit_buffers.hpp>

#include <array>
#include <string>
#include <vector>

namespace lapidary {

/// Which units to gather, and when, for whoever opens them one after the other, forward and backward: a unit that
/// is opened, unless its room still has it, and its neighbour in the direction of travel ahead of time.
class UnitGathers {
public:
    explicit UnitGathers(const Shards& shards) : rooms_(shards) { holds_.fill(-1); }

    /// Somebody uses the unit from now on. Whether it must be gathered first.
    [[nodiscard]] bool open(Index unit) {
        if (users_[room(unit)] > 0 && holds_[room(unit)] != unit) {
            throw Error(ErrorCode::value, "units",
                        "unit " + std::to_string(unit) + " is opened while " + std::to_string(holds_[room(unit)]) +
                            " is open in its room: open units in order, neighbours at most together");
        }
        ++users_[room(unit)];
        return take(unit);
    }
    /// The one to gather while the unit just opened is used; -1: none.
    [[nodiscard]] Index ahead(Index unit) {
        const Index next = unit >= last_ ? unit + 1 : unit - 1;
        last_ = unit;
        const bool possible =
            next > 0 && next < static_cast<Index>(rooms_.rooms.size()) && users_[room(next)] == 0;
        return possible && take(next) ? next : -1;
    }
    void close(Index unit) { --users_[room(unit)]; }

    [[nodiscard]] std::size_t room(Index unit) const { return rooms_.rooms[static_cast<std::size_t>(unit)]; }

private:
    bool take(Index unit) {
        if (holds_[room(unit)] == unit) return false;
        holds_[room(unit)] = unit;
        return true;
    }

    UnitRooms rooms_;
    std::array<Index, UnitRooms::count> holds_{};  // which unit a room has, or is about to
    std::array<int, UnitRooms::count> users_{};
    Index last_ = 0;
};

}  // namespace lapidary
