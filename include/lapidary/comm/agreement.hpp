#pragma once

#include <lapidary/comm/collectives.hpp>
#include <lapidary/io/json.hpp>
#include <lapidary/io/sha256.hpp>

#include <array>
#include <span>
#include <string>
#include <vector>

namespace lapidary {

/// The text of rank 0, on all ranks.
template <Device D, Communicator World>
std::string text_of_first(D& device, World& world, const std::string& own,
                          const Operation& operation = "broadcast") {
    const std::array mine{static_cast<Index>(own.size())};
    const std::vector<Index> sizes = gather(device, world, std::span<const Index>(mine), operation);
    std::vector<Index> counts(sizes.size());
    counts[0] = sizes[0];
    const std::span<const char> sent(own.data(), world.rank() == 0 ? own.size() : 0);
    const std::vector<char> all = gather(device, world, sent, counts, operation);
    return {all.begin(), all.end()};
}

namespace detail {

/// Ranks may come late to where they agree: they have read and checked data before, each at its own pace.
inline constexpr Operation agreement{"agreement of ranks", 10};

}  // namespace detail

/// Throws the same Error(value) on all ranks unless all have the same `definition`, an object: it names the first
/// rank and key that differ from rank 0's, and both values. When all agree, this costs the exchange of one digest.
template <Device D, Communicator World>
void require_agreement(D& device, World& world, const Json& definition) {
    const std::string text = definition.dump(), hash = sha256_hex(std::as_bytes(std::span(text)));
    const std::vector<char> digests = gather(device, world, std::span<const char>(hash), detail::agreement);
    bool same = true;
    for (std::size_t i = 0; i < digests.size(); ++i) same = same && digests[i] == digests[i % hash.size()];
    if (same) return;

    const Json first = Json::parse(text_of_first(device, world, text, detail::agreement));
    std::string problem;
    const auto value = [](const Json& object, const std::string& key) {
        return object.contains(key) ? object[key].dump() : "nothing";
    };
    for (const Json* keys : {&first, &definition}) {
        for (const auto& [key, ignored] : keys->items()) {
            if (problem.empty() && value(first, key) != value(definition, key)) {
                problem = "rank " + std::to_string(world.rank()) + " was started with '" + key + "' " +
                          value(definition, key) + ", rank 0 with " + value(first, key) +
                          ": start all ranks the same program with the same options";
            }
        }
    }
    std::array<char, 512> message{};
    problem.copy(message.data(), message.size() - 1);
    const std::vector<char> messages = gather(device, world, std::span<const char>(message), detail::agreement);
    for (std::size_t i = 0; i < messages.size(); i += message.size()) {
        if (messages[i] != 0) throw Error(ErrorCode::value, "agreement", messages.data() + i);
    }
}

}  // namespace lapidary
