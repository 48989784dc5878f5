#pragma once

#include <lapidary/comm/agreement.hpp>
#include <lapidary/io/file.hpp>

#include <array>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

namespace lapidary {

/// Throws the same Error(value) on all ranks unless all of them see the directory of rank 0 under `directory`: it
/// leaves a file with a random number there for a moment. All ranks call it.
template <Device D, Communicator World>
void require_shared_directory(D& device, World& world, const std::filesystem::path& directory,
                              const Operation& operation = {"check of a directory", 10}) {
    if (world.size() == 1) return;
    const std::filesystem::path file = directory / ".seen_by_all_ranks";
    std::string number;
    if (world.rank() == 0) {
        std::random_device random;
        for (int i = 0; i < 4; ++i) number += std::to_string(random());
        write_file_durably(file, number);
    }
    number = text_of_first(device, world, number, operation);
    std::string seen;
    try {
        seen = read_text(file, 1000);
    } catch (const Error&) {  // it sees another directory, or none
    }
    const std::array own{static_cast<char>(seen == number)};
    const std::vector<char> all = gather(device, world, std::span<const char>(own), operation);
    if (world.rank() == 0) std::filesystem::remove(file);
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
        if (all[rank] != 0) continue;
        throw Error(
            ErrorCode::value, "checkpoint",
            directory.string() + ": rank " + std::to_string(rank) +
                " does not see what rank 0 writes there: all ranks need the same directory on a file system "
                "that they share");
    }
}

}  // namespace lapidary
