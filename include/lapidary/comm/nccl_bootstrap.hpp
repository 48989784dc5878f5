#pragma once

#include <lapidary/comm/collectives.hpp>
#include <lapidary/io/quote.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

// What ranks have to know of each other before NCCL can connect them. Nothing here needs a GPU.

namespace lapidary {

/// Where this process stands among those that a launcher started.
struct Launch {
    int rank;
    int size;
    int local_rank;    ///< among the processes of this machine
    std::string host;  ///< of rank 0
    int port;          ///< for whatever the launcher itself listens with; rank 0 has the one after it for NCCL
};

namespace detail {

/// An environment variable, if it is set and not empty.
inline std::optional<std::string> variable(const char* name) {
    const char* text = std::getenv(name);
    if (text == nullptr || *text == '\0') return std::nullopt;
    return text;
}

inline std::string required_variable(const char* name, std::string_view launcher) {
    if (const auto text = variable(name)) return *text;
    throw Error(ErrorCode::value, "launch",
                std::string(name) + " is not set, as " + std::string(launcher) + " does");
}

/// A whole number from `least` to `most`, written as the variable `name`.
inline std::int64_t parse_variable(const char* name, const std::string& text, std::int64_t least,
                                   std::int64_t most) {
    std::int64_t number = 0;
    const char* const last = text.data() + text.size();
    const auto [end, failure] = std::from_chars(text.data(), last, number);
    if (failure != std::errc{} || end != last || number < least || number > most) {
        throw Error(ErrorCode::value, "launch",
                    std::string(name) + " is " + quote(text) + ", not a number from " + std::to_string(least) +
                        " to " + std::to_string(most));
    }
    return number;
}

inline int required_number(const char* name, std::string_view launcher, int least, int most) {
    return static_cast<int>(parse_variable(name, required_variable(name, launcher), least, most));
}

/// Sets an environment variable that the user has not set, until the end of the scope.
class ScopedVariable {
public:
    ScopedVariable(const char* name, const std::string& value) : name_(variable(name) ? nullptr : name) {
        if (name_ != nullptr) ::setenv(name_, value.c_str(), 1);
    }
    ScopedVariable(const ScopedVariable&) = delete;
    ScopedVariable& operator=(const ScopedVariable&) = delete;
    ~ScopedVariable() {
        if (name_ != nullptr) ::unsetenv(name_);
    }

private:
    const char* name_;
};

inline constexpr int most_ranks = 1 << 24;
inline constexpr int last_port = 65534;  // NCCL gets the one after it

inline std::string require_host(const char* name, const std::string& host) {
    const bool port = std::count(host.begin(), host.end(), ':') == 1;  // an IPv6 address has more
    if (port || host.find_first_of(" \t\r\n/[]") != std::string::npos) {
        throw Error(ErrorCode::value, "launch",
                    std::string(name) + " is " + quote(host) + ", not the name or address of a machine");
    }
    return host;
}

/// "60 s", "0.5 s".
inline std::string seconds_text(double seconds) {
    std::string text = std::to_string(seconds);  // at least six decimals: "60.000000"
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text + " s";
}

/// Throws Error(value) for a rank that is not there.
inline int require_rank(const Operation& operation, int rank, int size) {
    if (rank >= 0 && rank < size) return rank;
    throw Error(ErrorCode::value, operation.name,
                "there is no rank " + std::to_string(rank) + " among " + std::to_string(size));
}

/// "rank 3", "ranks 0, 1, 3", and of very many the first.
inline std::string rank_list(std::vector<int> ranks) {
    constexpr std::size_t most = 16;
    std::sort(ranks.begin(), ranks.end());
    ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
    std::string text = ranks.size() == 1 ? "rank " : "ranks ";
    for (std::size_t i = 0; i < std::min(most, ranks.size()); ++i) {
        text += (i > 0 ? ", " : "") + std::to_string(ranks[i]);
    }
    return ranks.size() > most ? text + " and " + std::to_string(ranks.size() - most) + " more" : text;
}

}  // namespace detail

/// Among the processes of this machine, as torchrun, Slurm or Open MPI say. Throws Error(value) for what is no
/// number.
inline std::optional<int> local_rank_from_environment() {
    for (const char* name : {"LOCAL_RANK", "SLURM_LOCALID", "OMPI_COMM_WORLD_LOCAL_RANK"}) {
        const auto text = detail::variable(name);
        if (text) return static_cast<int>(detail::parse_variable(name, *text, 0, detail::most_ranks));
    }
    return std::nullopt;
}

/// What torchrun (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT) or else Slurm's srun (SLURM_PROCID,
/// SLURM_NTASKS, SLURM_LOCALID) says. Under Slurm rank 0 is reached at MASTER_ADDR, if that is set, or else
/// SLURM_LAUNCH_NODE_IPADDR, the machine that srun was called on, which is right if that is rank 0's; the port is
/// MASTER_PORT, or else follows from SLURM_JOB_ID. Throws Error(value) naming the variable that is missing or
/// malformed.
inline Launch launch_from_environment() {
    const bool torchrun = detail::variable("RANK").has_value();
    if (!torchrun && !detail::variable("SLURM_PROCID")) {
        throw Error(ErrorCode::value, "launch",
                    "neither RANK (torchrun) nor SLURM_PROCID (srun) is set: start the program with one of these");
    }
    const std::string_view launcher = torchrun ? "torchrun" : "srun";
    Launch launch{};
    launch.size =
        detail::required_number(torchrun ? "WORLD_SIZE" : "SLURM_NTASKS", launcher, 1, detail::most_ranks);
    launch.rank = detail::required_number(torchrun ? "RANK" : "SLURM_PROCID", launcher, 0, launch.size - 1);
    launch.local_rank =
        detail::required_number(torchrun ? "LOCAL_RANK" : "SLURM_LOCALID", launcher, 0, launch.size - 1);

    const bool given = torchrun || detail::variable("MASTER_ADDR");
    const char* const host = given ? "MASTER_ADDR" : "SLURM_LAUNCH_NODE_IPADDR";
    launch.host = detail::require_host(host, detail::required_variable(host, launcher));
    if (torchrun || detail::variable("MASTER_PORT")) {
        launch.port = detail::required_number("MASTER_PORT", launcher, 1, detail::last_port);
    } else {
        const std::string job = detail::required_variable("SLURM_JOB_ID", launcher);
        // Below the ports that Linux gives to outgoing connections, which begin at 32768.
        launch.port = 20000 + static_cast<int>(detail::parse_variable("SLURM_JOB_ID", job, 0, INT64_MAX) % 12000);
    }
    return launch;
}

/// Where rank 0 answers the others, as NCCL_COMM_ID wants it.
inline std::string nccl_address(const Launch& launch) {
    const bool ipv6 = launch.host.find(':') != std::string::npos;
    return (ipv6 ? "[" + launch.host + "]" : launch.host) + ":" + std::to_string(launch.port + 1);
}

/// How many lower ranks of `world` run on a machine of this one's name. Called by all; uses host memory.
/// Throws Error(lost_rank) as `world` does.
template <Communicator World>
int local_rank(World& world) {
    using Name = std::array<char, 256>;
    std::vector<Name> names(static_cast<std::size_t>(world.size()));
    Name& mine = names[static_cast<std::size_t>(world.rank())];
    ::gethostname(mine.data(), mine.size() - 1);
    const View<Name, 1> view{names.data(), {static_cast<Index>(names.size())}};
    all_gather(world, view, std::span<const Range>(even_parts(view.size(), world.size())), "local_rank");
    return static_cast<int>(std::count(names.begin(), names.begin() + world.rank(), mine));
}

}  // namespace lapidary
