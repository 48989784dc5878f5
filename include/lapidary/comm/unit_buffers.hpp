#pragma once

#include <lapidary/comm/shards.hpp>
#include <lapidary/core/range.hpp>
#include <lapidary/core/tensor.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace lapidary {

/// Room for whole units where only shards are kept: for the first one (the embedding), for the last one (norm and
/// head) unless it is larger than a block and may take turns with the first, and for two of those between (the
/// blocks), which take turns, so that one may be used while the next is under way.
struct UnitRooms {
    static constexpr std::size_t count = 4;
    std::array<Index, count> sizes{};  ///< elements of each room
    std::vector<std::size_t> rooms;    ///< which one a unit goes to

    explicit UnitRooms(const Shards& shards) {
        const std::vector<Range>& units = shards.units();
        const std::size_t last = units.size() - 1;
        Index middle = 0;
        for (std::size_t u = 1; u < last; ++u) middle = std::max(middle, units[u].count);
        const bool shared = units[last].count > middle && !shards.ends_together();
        for (std::size_t u = 0; u <= last; ++u) {
            rooms.push_back(u == 0 ? 0 : u < last ? 2 + u % 2 : shared ? 0 : 1);
            sizes[rooms[u]] = std::max(sizes[rooms[u]], units[u].count);
        }
    }
    [[nodiscard]] Index size() const { return sizes[0] + sizes[1] + sizes[2] + sizes[3]; }
};

/// Memory for them, in elements of T.
template <class T, Device D>
class UnitBuffers {
public:
    UnitBuffers(D& device, const Shards& shards) : units_(shards.units()), rooms_(shards) {
        for (const Index size : rooms_.sizes) buffers_.emplace_back(device, Shape<1>{size});
    }

    /// Elements of all of them.
    [[nodiscard]] Index size() const {
        Index total = 0;
        for (const auto& buffer : buffers_) total += buffer.size();
        return total;
    }
    [[nodiscard]] std::size_t room(Index unit) const { return rooms_.rooms[static_cast<std::size_t>(unit)]; }
    [[nodiscard]] View<T, 1> buffer(Index unit) {
        return buffers_[room(unit)].view().slice(0, units_[static_cast<std::size_t>(unit)].count);
    }

private:
    std::vector<Range> units_;
    UnitRooms rooms_;
    std::vector<Tensor<T, 1, D>> buffers_;
};

}  // namespace lapidary
