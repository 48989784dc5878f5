#pragma once

// Needs lapidary::mpi.

#include <lapidary/comm/mpi_exchange.hpp>
#include <lapidary/comm/split.hpp>

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

namespace lapidary {

/// The processes that an MPI launcher started (`mpirun`, `srun`), or those of an MPI communicator. It moves host
/// memory.
///
/// Initialises MPI if nobody has, and then finalises it when the last group is gone; so make one, once. A rank
/// that sees another one fail, or ends by an exception, tells all others, so that they end with the same error.
/// After a failure MPI is not finalised, because that would wait for the dead: let the program end. Where a rank
/// dies while MPI itself waits for all, as in initialising and finalising, the others end after the timeout, with
/// a line on standard error and exit code 1. A launcher may kill them as soon as one dies; Open MPI's leaves that
/// to them with `mpirun --enable-recovery`.
class Mpi {
public:
    struct Options {
        double timeout = 60;  ///< seconds that an exchange waits for another rank
    };
    using Pending = detail::MpiExchange;

    /// Throws Error(unsupported) if MPI allows calls from one thread only: exchanges run beside the computation.
    explicit Mpi(Options options = {60}) : Mpi(MPI_COMM_WORLD, initialise(options.timeout), options) {}
    /// The ranks of a communicator of one's own making.
    explicit Mpi(MPI_Comm communicator, Options options = {60}) : Mpi(communicator, false, options) {}

    [[nodiscard]] int rank() const { return group_->rank; }
    [[nodiscard]] int size() const { return group_->size; }

    Pending start(const Operation& operation, std::span<const Send> sends, std::span<const Receive> receives) {
        return Pending(group_, operation, sends, receives);
    }
    void finish(Pending& pending) { pending.finish(); }

    Mpi split(int color, int key) {
        std::vector<int> names = detail::ranks_of_color(*this, color, key);
        for (int& rank : names) rank = group_->names[static_cast<std::size_t>(rank)];
        const detail::MpiWatch watch("MPI_Comm_split", group_->timeout);
        MPI_Comm part = MPI_COMM_NULL;
        detail::check_mpi("split", MPI_Comm_split(group_->messages, color, key, &part));
        Mpi result(std::make_shared<detail::MpiGroup>(group_->news, part, std::move(names), group_->timeout));
        MPI_Comm_free(&part);
        return result;
    }

private:
    Mpi(MPI_Comm communicator, bool finalise, Options options) {
        detail::require_timeout("mpi", options.timeout);
        int level = 0;
        MPI_Query_thread(&level);
        if (level < MPI_THREAD_SERIALIZED) {
            throw Error(ErrorCode::unsupported, "mpi",
                        "MPI must be initialised with MPI_THREAD_SERIALIZED or MULTIPLE");
        }
        auto news = std::make_shared<detail::MpiNews>(communicator, options.timeout, finalise);
        std::vector<int> names(static_cast<std::size_t>(news->size()));
        std::iota(names.begin(), names.end(), 0);
        group_ =
            std::make_shared<detail::MpiGroup>(std::move(news), communicator, std::move(names), options.timeout);
    }
    explicit Mpi(std::shared_ptr<detail::MpiGroup> group) : group_(std::move(group)) {}

    // Whether it is now ours to finalise.
    static bool initialise(double timeout) {
        detail::require_timeout("mpi", timeout);
        int done = 0, level = 0;
        MPI_Initialized(&done);
        if (done != 0) return false;
        const detail::MpiWatch watch("MPI_Init", timeout);
        detail::check_mpi("mpi", MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &level));
        return true;
    }

    std::shared_ptr<detail::MpiGroup> group_;
};
static_assert(Communicator<Mpi>);

}  // namespace lapidary
