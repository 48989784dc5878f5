#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/cuda/check.hpp>

#include <cuda_runtime_api.h>

#include <map>
#include <memory>
#include <type_traits>
#include <vector>

namespace lapidary {

/// Work that was recorded as CUDA graphs, by key: what a host would launch piece by piece, launched at once. It
/// names places of memory, so it belongs to whoever owns these, and must be gone when they are.
class RecordedWork {
public:
    /// Puts what `work` gives to `stream` on it. The first time for a key it is done as it is, so that whoever
    /// chooses algorithms has chosen; the second time it is recorded; from then on it is not called any more.
    /// Throws what `work` throws. Work that waits for the GPU, or reads from it, cannot be recorded.
    template <class Work>
    void repeat(cudaStream_t stream, const std::vector<Index>& key, Work&& work) {
        if (records_.size() >= most_records && !records_.contains(key)) return work();
        Record& record = records_[key];
        if (!record.graph && !record.known) {
            work();
            record.known = true;
            return;
        }
        if (!record.graph) record.graph = capture(stream, work);
        detail::check(cudaGraphLaunch(record.graph.get(), stream), "repeat");
    }
    [[nodiscard]] std::size_t size() const { return records_.size(); }

private:
    struct Release {
        void operator()(cudaGraph_t graph) const { cudaGraphDestroy(graph); }
        void operator()(cudaGraphExec_t graph) const { cudaGraphExecDestroy(graph); }
    };
    template <class Handle>
    using Owner = std::unique_ptr<std::remove_pointer_t<Handle>, Release>;
    struct Record {
        bool known = false;
        Owner<cudaGraphExec_t> graph;
    };

    template <class Work>
    static Owner<cudaGraphExec_t> capture(cudaStream_t stream, Work&& work) {
        detail::check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "repeat");
        cudaGraph_t graph = nullptr;
        try {
            work();
        } catch (...) {
            cudaStreamEndCapture(stream, &graph);
            if (graph != nullptr) cudaGraphDestroy(graph);
            throw;
        }
        detail::check(cudaStreamEndCapture(stream, &graph), "repeat");
        const Owner<cudaGraph_t> recorded(graph);
        cudaGraphExec_t executable = nullptr;
        detail::check(cudaGraphInstantiate(&executable, graph, 0), "repeat");
        return Owner<cudaGraphExec_t>(executable);
    }

    /// A graph of a large model takes tens of megabytes.
    static constexpr std::size_t most_records = 64;

    std::map<std::vector<Index>, Record> records_;
};

}  // namespace lapidary
