#pragma once

#include <lapidary/cuda/cudnn/graph.hpp>

#ifdef LAPIDARY_CUDNN_HEADERS

#include <algorithm>
#include <array>

namespace lapidary {

/// How cuDNN executes a graph: the first of the ways that it proposes (mode A of its heuristics) and can build,
/// but for those that it marks as not deterministic. That mark is not all: cuDNN 9.19 leaves it out for gradients
/// of attention that add atomically, so the graph must leave no room for such ways.
class CudnnPlan {
public:
    /// For the GPU of `handle`. Compiles kernels, for up to seconds. Throws Error(unsupported) if there is no such
    /// way, and as `check_cudnn` does.
    CudnnPlan(const Cudnn& cudnn, CudnnGraph graph, cudnnHandle_t handle)
        : cudnn_(cudnn), graph_(std::move(graph)), whole_(graph_.finish(handle)) {
        build();
        workspace_bytes_ =
            static_cast<std::size_t>(plan_.front().value<std::int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE));
    }

    [[nodiscard]] std::size_t workspace_bytes() const { return workspace_bytes_; }

    /// Puts the work on the stream of `handle`. `ids` are the tensors of the graph that are not between
    /// operations, `pointers` where they are: on the GPU, numbers on the host.
    void execute(cudnnHandle_t handle, std::span<const std::int64_t> ids, std::span<void* const> pointers,
                 void* workspace) const {
        CudnnDescriptor pack(cudnn_, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, "arguments");
        pack.set_all(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids);
        pack.set_all(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, pointers);
        pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, workspace);
        pack.finalize();
        const cudnnStatus_t status = cudnn_.execute(handle, plan_.front().get(), pack.get());
        if (status != CUDNN_STATUS_SUCCESS) detail::check_cudnn(cudnn_, status, "execute a plan");
    }

private:
    void build() {
        std::vector<CudnnDescriptor> proposals = proposed();
        std::string reason = "cuDNN proposes no way";
        for (CudnnDescriptor& proposal : proposals) {
            if (!deterministic(proposal)) {
                reason = "cuDNN proposes no deterministic way";
                continue;
            }
            try {
                CudnnDescriptor plan(cudnn_, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, "plan");
                plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, proposal);
                plan.finalize();
                plan_.push_back(std::move(proposal));
                plan_.insert(plan_.begin(), std::move(plan));
                return;
            } catch (const Error& error) {
                // What failed for want of memory, say, may not fail the next time: another way has other bits.
                if (error.code() != ErrorCode::unsupported) throw;
                reason = error.what();
            }
        }
        throw Error(ErrorCode::unsupported, "cudnn", reason);
    }

    /// Best first.
    std::vector<CudnnDescriptor> proposed() const {
        CudnnDescriptor heuristics(cudnn_, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, "heuristics");
        heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, whole_);
        heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_HEUR_MODE_A);
        heuristics.finalize();
        const std::size_t count = heuristics.descriptors(CUDNN_ATTR_ENGINEHEUR_RESULTS, {});
        std::vector<CudnnDescriptor> proposals;
        std::vector<cudnnBackendDescriptor_t> filled;
        for (std::size_t i = 0; i < count; ++i) {
            proposals.emplace_back(cudnn_, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, "proposal " + std::to_string(i));
            filled.push_back(proposals.back().get());
        }
        const std::size_t there = heuristics.descriptors(CUDNN_ATTR_ENGINEHEUR_RESULTS, filled);
        proposals.erase(proposals.begin() + static_cast<std::ptrdiff_t>(std::min(there, count)), proposals.end());
        return proposals;
    }

    [[nodiscard]] bool deterministic(const CudnnDescriptor& proposal) const {
        CudnnDescriptor engine(cudnn_, CUDNN_BACKEND_ENGINE_DESCRIPTOR, "engine of " + proposal.name());
        cudnnBackendDescriptor_t filled = engine.get();
        (void)proposal.descriptors(CUDNN_ATTR_ENGINECFG_ENGINE, {&filled, 1});
        std::array<cudnnBackendNumericalNote_t, 64> notes{};
        const std::size_t count =
            engine.values<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, notes);
        const auto end = notes.begin() + static_cast<std::ptrdiff_t>(std::min(count, notes.size()));
        return std::find(notes.begin(), end, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC) == end;
    }

    Cudnn cudnn_;
    CudnnGraph graph_;
    CudnnDescriptor whole_;
    std::vector<CudnnDescriptor> plan_;  // and the proposal that it is of
    std::size_t workspace_bytes_ = 0;
};

}  // namespace lapidary

#endif
