#pragma once

#include "checks.hpp"

#include <lapidary/comm/any_communicator.hpp>
#include <lapidary/comm/collectives.hpp>
#include <lapidary/comm/single_process.hpp>
#include <lapidary/comm/threads.hpp>
#ifdef LAPIDARY_MPI
#include <lapidary/comm/mpi.hpp>
#endif
#ifdef LAPIDARY_NCCL
#include <lapidary/comm/nccl.hpp>
#endif

#include <CLI/CLI.hpp>

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// What ranks a program runs on.
struct RankLaunch {
    std::string comm = "single";
    int ranks = 0;
    double timeout = 60;
    int gpu = -1;  ///< this rank's, where the launcher decides

    void add_to(CLI::App& app) {
        app.add_option("--comm", comm,
                       "Who shares the work: threads of this process, or what a launcher (mpirun, srun) started")
            ->check(CLI::IsMember({"single", "threads", "mpi", "nccl"}))
            ->capture_default_str();
        app.add_option("--ranks", ranks,
                       "How many share it: a power of two; results do not depend on it [as launched]")
            ->check(number_in(1, 4096));
        app.add_option("--timeout", timeout, "Seconds after which a rank that does not answer is given up")
            ->capture_default_str()
            ->check(number_in(0, 1e7, true));
    }

    /// Throws Error(unsupported) for ranks that cannot reach each other's memory.
    void check(bool on_gpu) const {
        using namespace lapidary;
        if (on_gpu && (comm == "threads" || comm == "mpi")) {
            throw Error(ErrorCode::unsupported, "launch",
                        "--comm " + comm +
                            " moves memory of the CPU, and --device cuda computes on GPUs: use nccl, a "
                            "rank for each GPU");
        }
        if (!on_gpu && comm == "nccl") {
            throw Error(ErrorCode::unsupported, "launch",
                        "--comm nccl moves the memory of GPUs, and this program computes on the CPU: use mpi");
        }
    }

    /// Meets the other processes, where there are any: before work that some finish sooner than others. Keep the
    /// result until the end of the work.
    [[nodiscard]] std::optional<lapidary::AnyCommunicator> join() {
        using namespace lapidary;
        const auto refuse = [](ErrorCode code, const std::string& why) { throw Error(code, "launch", why); };
        if (comm == "threads") {
            if (ranks < 1) refuse(ErrorCode::value, "--comm threads needs --ranks");
            return std::nullopt;
        }
        if (comm == "single") {
            if (ranks > 1) {
                refuse(ErrorCode::value, "--ranks " + std::to_string(ranks) + " needs --comm threads or mpi");
            }
            return AnyCommunicator{SingleProcess()};
        }
        if (comm == "nccl") {
#ifdef LAPIDARY_NCCL
            Nccl nccl = Nccl::from_environment({.timeout = timeout});
            gpu = nccl.device();
            return AnyCommunicator(std::move(nccl));
#else
            refuse(ErrorCode::unsupported, "this program was built without NCCL: install it and build again");
#endif
        }
#ifdef LAPIDARY_MPI
        Mpi mpi({timeout});
        if (ranks > 0 && ranks != mpi.size()) {
            refuse(ErrorCode::value, "--ranks " + std::to_string(ranks) + ", but the launcher started " +
                                         std::to_string(mpi.size()) + ": mpirun -n " + std::to_string(ranks));
        }
        return AnyCommunicator(mpi);
#else
        refuse(ErrorCode::unsupported,
               "this program was built without MPI: install Open MPI (libopenmpi-dev) or MPICH and build again");
        return std::nullopt;
#endif
    }

    /// Calls `body(world)` as each rank that is this process's. `joined`: what `join` returned.
    void run(std::optional<lapidary::AnyCommunicator>& joined,
             const std::function<void(lapidary::AnyCommunicator&)>& body) const {
        if (joined) return body(*joined);
        lapidary::Threads::run(ranks > 0 ? ranks : 1,
                               [&](lapidary::Threads& threads) {
                                   lapidary::AnyCommunicator world(threads);
                                   body(world);
                               },
                               {timeout});
    }
};

/// Threads for each rank, so that all of a machine's ranks together use its cores once.
template <class D, class World>
int threads_per_rank(D& device, World& world) {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    ::sched_getaffinity(0, sizeof allowed, &allowed);
    // The launcher may have bound each rank to cores of its own.
    struct Place {
        std::array<char, 64> host{};
        cpu_set_t cores{};
    } place;
    ::gethostname(place.host.data(), place.host.size() - 1);
    place.cores = allowed;
    const std::array own{place};
    int sharing = 0;
    for (const Place& other : lapidary::gather(device, world, std::span<const Place>(own))) {
        cpu_set_t both;
        CPU_AND(&both, &other.cores, &allowed);
        sharing += other.host == place.host && CPU_COUNT(&both) > 0;
    }
    return std::max(1, CPU_COUNT(&allowed) / std::max(1, sharing));
}
