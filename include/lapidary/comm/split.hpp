#pragma once

#include <lapidary/comm/communicator.hpp>
#include <lapidary/core/error.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace lapidary::detail {

/// The ranks of `world` whose color is `color`, by key and then by rank. Called by all.
template <class World>
std::vector<int> ranks_of_color(World& world, int color, int key) {
    if (color < 0) {
        throw Error(ErrorCode::value, "split",
                    "color " + std::to_string(color) + " is negative: every rank gets a group");
    }
    using Choice = std::array<int, 3>;  // color, key, rank
    std::vector<Choice> choices(static_cast<std::size_t>(world.size()));
    const Choice own{color, key, world.rank()};
    choices[static_cast<std::size_t>(world.rank())] = own;
    std::vector<Send> sends;
    std::vector<Receive> receives;
    for (int other = 0; other < world.size(); ++other) {
        if (other == world.rank()) continue;
        sends.push_back({other, own.data(), sizeof own});
        receives.push_back({other, choices[static_cast<std::size_t>(other)].data(), sizeof own});
    }
    auto pending = world.start("split", sends, receives);
    world.finish(pending);
    std::sort(choices.begin(), choices.end());
    std::vector<int> ranks;
    for (const Choice& choice : choices) {
        if (choice[0] == color) ranks.push_back(choice[2]);
    }
    return ranks;
}

}  // namespace lapidary::detail
