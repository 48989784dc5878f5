#pragma once

#include <lapidary/comm/nccl_bootstrap.hpp>
#include <lapidary/comm/nccl_cuda.hpp>
#include <lapidary/comm/nccl_handle.hpp>
#include <lapidary/comm/nccl_id_file.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

struct NcclOptions {
    double timeout = 60;            ///< seconds that a rank waits for another, times the patience of the operation
    int device = -1;                ///< the GPU; negative: the one numbered as the rank on this machine
    cudaStream_t stream = nullptr;  ///< an exchange begins after what this one was given; null: the default stream
    std::string job = {};           ///< `from_file`: the same for all ranks, another for each start
};

/// Ranks with a GPU each, connected by NCCL (at least 2.18): a `Communicator` that moves memory of the GPU.
///
/// NCCL only carries bytes here. It sums nothing, so its algorithms, and what they depend on, change no result.
/// Exchanges run on a stream of their own, each after the one before, beside what the GPU computes. So a rank must
/// not start first what can only end after a later exchange of its own.
///
/// Making one throws Error(unsupported) without a GPU, Error(value) for a GPU that is not there or is another
/// rank's, Error(lost_rank) if not all ranks come within the timeout. `start`, `finish` and `split` throw
/// Error(lost_rank) when a rank is gone or late, with the ranks that took part, and Error(value) for what NCCL
/// calls wrong use. After that the group is given up: everything throws Error(lost_rank), and nothing hangs. What
/// fails on the GPU itself, as an address that is none of its memory, is Error(io) with CUDA's text.
class Nccl {
public:
    using Options = NcclOptions;

    /// An exchange under way.
    struct Pending {
        detail::CudaEvent done;
        std::string operation;
        double patience;
        std::string ranks;
    };

    /// What torchrun or srun started (`launch_from_environment`). NCCL itself connects the ranks, at the port
    /// after MASTER_PORT of MASTER_ADDR, which must be in a network of every machine, by that name on rank 0's
    /// too; or at NCCL_COMM_ID, if that is set. It changes the environment while it runs.
    static Nccl from_environment(Options options = {}) {
        const Launch launch = launch_from_environment();
        options.device = detail::choose_cuda_device(options.device, launch.local_rank);
        std::optional<detail::ScopedVariable> address;
        if (launch.size > 1) address.emplace("NCCL_COMM_ID", nccl_address(launch));
        return Nccl(new_id(), launch.rank, launch.size, options);
    }

    /// Rank 0 leaves word for the others in a file that all of them see (`IdFile`), and removes it at the end.
    /// Throws Error(format) if there is another file of that name, Error(io).
    static Nccl from_file(const std::filesystem::path& path, int rank, int size, Options options = {}) {
        detail::require_rank("nccl", rank, size);
        options.device = detail::choose_cuda_device(options.device, local_rank_from_environment());
        if (size == 1) return Nccl(new_id(), rank, size, options);
        const IdFile file(path, size, options.job);
        ncclUniqueId id{};
        if (rank != 0) {
            file.await(id.internal, options.timeout);
            return Nccl(id, rank, size, options);
        }
        id = new_id();
        file.publish(id.internal);
        const detail::RemoveUnlessKept removal(path);  // when all are connected, or never will be
        return Nccl(id, rank, size, options);
    }

    /// The ranks of `other`, which moves host memory, as Mpi does. Throws what `other` throws, too.
    template <Communicator World>
    static Nccl from(World& other, Options options = {}) {
        const int local = local_rank(other);
        options.device = detail::choose_cuda_device(options.device, local);
        ncclUniqueId id{};
        if (other.rank() == 0) id = new_id();
        broadcast(other, View<char, 1>{id.internal, {sizeof id.internal}}, 0, "nccl id");
        return Nccl(id, other.rank(), other.size(), options);
    }

    [[nodiscard]] int rank() const { return rank_; }
    [[nodiscard]] int size() const { return size_; }
    [[nodiscard]] int device() const { return options_.device; }

    /// Makes `device()` the thread's current one. Returns when the GPU has its orders, which waits for no other
    /// rank. Throws Error(value) for a rank that is not there, and then nothing has begun and nothing is given up.
    Pending start(const Operation& operation, std::span<const Send> sends, std::span<const Receive> receives) {
        const ncclComm_t comm = handle_.get(operation);
        if (sends.empty() && receives.empty()) return {};
        std::vector<int> others;
        for (const Send& send : sends) others.push_back(detail::require_rank(operation, send.to, size_));
        for (const Receive& receive : receives)
            others.push_back(detail::require_rank(operation, receive.from, size_));
        detail::check_cuda(cudaSetDevice(options_.device), operation.name, "use its device");
        Pending pending{detail::make_cuda_event(operation.name), std::string(operation.name), operation.patience,
                        detail::rank_list(std::move(others))};
        detail::follow(stream_, ready_, options_.stream, operation.name);

        ncclResult_t result = ncclGroupStart();
        const auto note = [&](ncclResult_t next) {
            if (result == ncclSuccess || result == ncclInProgress) result = next;
        };
        // NCCL drops messages of no bytes, but who sends one says that it is there.
        for (const Send& send : sends) {
            const void* data = send.bytes > 0 ? send.data : spare_.get();
            note(ncclSend(data, std::max<std::size_t>(1, send.bytes), ncclUint8, send.to, comm, stream_.get()));
        }
        for (const Receive& receive : receives) {
            void* data = receive.bytes > 0 ? receive.data : spare_.get() + 1 + receive.from;
            note(ncclRecv(data, std::max<std::size_t>(1, receive.bytes), ncclUint8, receive.from, comm,
                          stream_.get()));
        }
        note(ncclGroupEnd());  // also after an error: it ends the group for NCCL
        ++handle_.unfinished;
        handle_.settle(result, operation, pending.ranks);
        detail::check_cuda(cudaEventRecord(pending.done.get(), stream_.get()), operation.name, "record an event");
        return pending;
    }

    void finish(Pending& pending) {
        if (!pending.done) return;
        const Operation operation(pending.operation, pending.patience);
        (void)handle_.get(operation);
        for (detail::Waiting waiting(options_.timeout * operation.patience);
             !detail::is_done(pending.done, operation.name); waiting.pause()) {
            handle_.check(waiting, operation, pending.ranks);
        }
        pending.done.reset();
        --handle_.unfinished;
    }

    /// Colors are not negative.
    Nccl split(int color, int key) {
        const Operation operation("split");
        if (color < 0)
            throw Error(ErrorCode::value, "split", "the color " + std::to_string(color) + " is negative");
        detail::check_cuda(cudaSetDevice(options_.device), "split", "choose the device");
        return Nccl(handle_.split(operation, color, key, size_), options_);
    }

private:
    /// Of a new group.
    Nccl(const ncclUniqueId& id, int rank, int size, const Options& options)
        : Nccl(detail::NcclHandle::connect(id, rank, size, options.timeout), options) {}

    /// Of one that NCCL has made.
    Nccl(detail::NcclHandle handle, const Options& options)
        : options_(options),
          stream_(detail::make_cuda_stream("nccl")),
          ready_(detail::make_cuda_event("nccl")),
          handle_(std::move(handle)) {
        const Operation operation("nccl");
        detail::check_nccl(ncclCommUserRank(handle_.get(operation), &rank_), operation.name);
        detail::check_nccl(ncclCommCount(handle_.get(operation), &size_), operation.name);
        spare_ = detail::make_cuda_memory(1 + static_cast<std::size_t>(size_), operation.name);
        // NCCL connects two ranks at their first message, when each waits for the other: here, and never in
        // `start`.
        barrier(*this, operation);
    }

    static ncclUniqueId new_id() {
        ncclUniqueId id{};
        detail::check_nccl(ncclGetUniqueId(&id), "nccl");
        return id;
    }

    Options options_;
    int rank_ = 0, size_ = 1;
    detail::CudaStream stream_;
    detail::CudaEvent ready_;    // of what the user's stream was given
    detail::CudaMemory spare_;   // one byte to send, and one to receive from each rank
    detail::NcclHandle handle_;  // the last, so that it goes first
};
static_assert(Communicator<Nccl>);

}  // namespace lapidary
