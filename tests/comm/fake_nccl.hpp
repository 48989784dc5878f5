#pragma once

// CUDA and NCCL as far as Nccl calls them, for ranks that are threads and memory that is the host's. The functions
// have the names of the real ones: a program that includes this once uses these.

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

/// Ranks that belong together, and what is on its way between them.
struct FakeGroup {
    int size = 0;
    std::map<std::pair<int, int>, std::deque<std::vector<char>>> on_the_way;  // from, to
    std::vector<ncclComm_t> members;
    std::map<int, std::vector<std::tuple<int, int, ncclComm_t>>> splits;  // the how-manieth: color, key, rank
};

struct CUstream_st {
    struct Receive {
        ncclComm_t comm;
        int from;
        void* data;
        std::size_t bytes;
    };
    std::deque<Receive> waiting;
    std::size_t posted = 0, done = 0;
};

struct CUevent_st {
    cudaStream_t stream = nullptr;
    std::size_t after = 0;
};

struct ncclComm {
    std::shared_ptr<FakeGroup> group;
    int rank = 0, splits = 0;
    std::atomic<ncclResult_t> state{ncclSuccess};
    ncclComm_t* part = nullptr;
};

/// What tests look at and set.
struct Fake {
    std::recursive_mutex mutex;
    std::map<std::string, std::shared_ptr<FakeGroup>> groups;  // by id
    int ids = 0, devices = 64;
    int destroyed = 0, aborted = 0, ordered_streams = 0;
    std::vector<std::size_t> sent;  // the sizes
    ncclResult_t next_send = ncclSuccess;
    cudaError_t next_query = cudaSuccess;
};
inline Fake fake;
inline thread_local std::vector<CUstream_st::Receive> fake_received;
inline thread_local cudaStream_t fake_stream = nullptr;

using Locked = std::lock_guard<std::recursive_mutex>;

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) { return *count = fake.devices, cudaSuccess; }
cudaError_t cudaGetDevice(int* device) { return *device = 0, cudaSuccess; }
cudaError_t cudaSetDevice(int) { return cudaSuccess; }
cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
    return *least = 0, *greatest = -5, cudaSuccess;
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned, int) {
    return *stream = new CUstream_st, cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) { return delete stream, cudaSuccess; }
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) {
    const Locked lock(fake.mutex);
    return ++fake.ordered_streams, cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) { return *event = new CUevent_st, cudaSuccess; }
cudaError_t cudaEventDestroy(cudaEvent_t event) { return delete event, cudaSuccess; }
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    *event = {stream, stream == nullptr ? 0 : stream->posted};
    return cudaSuccess;
}
/// Receives what has come, in order, and tells whether that was all.
cudaError_t cudaEventQuery(cudaEvent_t event) {
    const Locked lock(fake.mutex);
    if (fake.next_query != cudaSuccess) return std::exchange(fake.next_query, cudaSuccess);
    CUstream_st& stream = *event->stream;
    while (!stream.waiting.empty()) {
        const auto& next = stream.waiting.front();
        auto& queue = next.comm->group->on_the_way[{next.from, next.comm->rank}];
        if (queue.empty()) break;
        // NCCL would hang, or worse.
        if (queue.front().size() != next.bytes) return cudaErrorIllegalAddress;
        std::memcpy(next.data, queue.front().data(), next.bytes);
        queue.pop_front();
        stream.waiting.pop_front();
        ++stream.done;
    }
    return stream.done >= event->after ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaMalloc(void** memory, size_t bytes) { return *memory = ::operator new(bytes), cudaSuccess; }
cudaError_t cudaFree(void* memory) { return ::operator delete(memory), cudaSuccess; }
cudaError_t cudaMemset(void* memory, int value, size_t bytes) {
    return std::memset(memory, value, bytes), cudaSuccess;
}
const char* cudaGetErrorString(cudaError_t) { return "CUDA's text"; }
cudaError_t cudaPeekAtLastError() { return cudaErrorNotReady; }
cudaError_t cudaGetLastError() { return cudaErrorNotReady; }

const char* ncclGetErrorString(ncclResult_t) { return "NCCL's text"; }
const char* ncclGetLastError(ncclComm_t) { return "and more of it"; }
ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
    const Locked lock(fake.mutex);
    *id = {};
    std::memcpy(id->internal, &++fake.ids, sizeof fake.ids);
    return ncclSuccess;
}
ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int size, ncclUniqueId id, int rank, ncclConfig_t* config) {
    const Locked lock(fake.mutex);
    if (config->blocking != 0) return ncclInvalidUsage;
    auto& group = fake.groups[std::string(id.internal, sizeof id.internal)];
    if (!group) group = std::make_shared<FakeGroup>();
    group->size = size;
    *comm = new ncclComm;
    (*comm)->group = group;
    (*comm)->rank = rank;
    (*comm)->state = ncclInProgress;
    group->members.push_back(*comm);
    if (group->members.size() == static_cast<std::size_t>(size)) {
        for (const ncclComm_t each : group->members) each->state = ncclSuccess;
    }
    return ncclInProgress;
}
/// The last rank that comes makes the parts for all.
ncclResult_t ncclCommSplit(ncclComm_t comm, int color, int key, ncclComm_t* part, ncclConfig_t* config) {
    const Locked lock(fake.mutex);
    if (config->blocking != 0 || comm->state != ncclSuccess) return ncclInvalidUsage;
    auto& ranks = comm->group->splits[comm->splits++];
    ranks.emplace_back(color, key, comm);
    comm->state = ncclInProgress;
    comm->part = part;
    if (ranks.size() < static_cast<std::size_t>(comm->group->size)) return ncclInProgress;
    std::sort(ranks.begin(), ranks.end(), [](const auto& a, const auto& b) {
        const auto order = [](const auto& each) {
            return std::tuple(std::get<0>(each), std::get<1>(each), std::get<2>(each)->rank);
        };
        return order(a) < order(b);
    });
    std::map<int, std::shared_ptr<FakeGroup>> groups;
    for (const auto& [its_color, ignored, each] : ranks) {
        auto& group = groups[its_color];
        if (!group) group = std::make_shared<FakeGroup>();
        *each->part = new ncclComm;
        (*each->part)->group = group;
        (*each->part)->rank = group->size++;
        each->state = ncclSuccess;
    }
    return ncclInProgress;
}
ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* state) {
    return *state = comm->state, ncclSuccess;
}
ncclResult_t ncclCommUserRank(const ncclComm_t comm, int* rank) { return *rank = comm->rank, ncclSuccess; }
ncclResult_t ncclCommCount(const ncclComm_t comm, int* size) {
    const Locked lock(fake.mutex);
    return *size = comm->group->size, ncclSuccess;
}
ncclResult_t ncclCommFinalize(ncclComm_t) { return ncclInProgress; }
ncclResult_t ncclCommDestroy(ncclComm_t comm) {
    const Locked lock(fake.mutex);
    return ++fake.destroyed, delete comm, ncclSuccess;
}
ncclResult_t ncclCommAbort(ncclComm_t comm) {
    const Locked lock(fake.mutex);
    return ++fake.aborted, delete comm, ncclSuccess;
}

ncclResult_t ncclGroupStart() { return fake_received.clear(), ncclSuccess; }
ncclResult_t ncclSend(const void* data, size_t bytes, ncclDataType_t type, int to, ncclComm_t comm, cudaStream_t) {
    const Locked lock(fake.mutex);
    if (fake.next_send != ncclSuccess) return std::exchange(fake.next_send, ncclSuccess);
    if (type != ncclUint8 || bytes == 0 || comm->state != ncclSuccess) return ncclInvalidUsage;
    const char* first = static_cast<const char*>(data);
    comm->group->on_the_way[{comm->rank, to}].emplace_back(first, first + bytes);
    return fake.sent.push_back(bytes), ncclSuccess;
}
ncclResult_t ncclRecv(void* data, size_t bytes, ncclDataType_t type, int from, ncclComm_t comm,
                      cudaStream_t stream) {
    if (type != ncclUint8 || bytes == 0 || comm->state != ncclSuccess) return ncclInvalidUsage;
    fake_stream = stream;
    return fake_received.push_back({comm, from, data, bytes}), ncclSuccess;
}
ncclResult_t ncclGroupEnd() {
    for (const auto& each : fake_received) {
        fake_stream->waiting.push_back(each);
        ++fake_stream->posted;
    }
    return ncclInProgress;
}

}  // extern "C"
