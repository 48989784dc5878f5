#pragma once

#include <lapidary/cuda/cudnn/attention_call.hpp>
#include <lapidary/cuda/cudnn/attention_graph.hpp>
#include <lapidary/cuda/cudnn/plan.hpp>

#include <cuda_runtime_api.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace lapidary {

#ifdef LAPIDARY_CUDNN_HEADERS

/// Causal attention of bf16 and its gradient by cuDNN, on Hopper GPUs (H100, H200). A device holds one if there is
/// one, and asks it about each attention; where cuDNN cannot, the device has kernels of its own. One thread at a
/// time may use it.
///
/// A gradient has its dq from one product instead of atomic additions, so that its bits repeat. For that cuDNN
/// keeps the gradient of all scores, B * H * T * T * 2 bytes with T rounded up to 128: for B = 4, H = 32 and
/// T = 2048 that is 1 GiB. A caller with less room goes sequence by sequence (`Heads::sequence`). With grouped
/// heads, dk and dv of each head are rounded to bf16 before they are summed over the group, which takes
/// 4 * B * H * T * D bytes more.
///
/// What is checked without a GPU: cuDNN 9.19 takes the graphs, and compiles kernels for an H200 that is described
/// to it. They have not run on a GPU yet; that their bits repeat, and how fast they are, is not measured.
class CudnnAttention {
public:
    /// None where there is no cuDNN (`Cudnn::load` says why), nor on a GPU of another compute capability than 9.x
    /// (90 for 9.0): of others it is not known that gradients repeat bit for bit. Throws as the constructor does.
    static std::optional<CudnnAttention> find(int compute_capability, const char* file = "libcudnn.so.9") {
        if (compute_capability / 10 != 9) return std::nullopt;
        const std::optional<Cudnn> cudnn = Cudnn::find(file);
        if (!cudnn) return std::nullopt;
        return CudnnAttention(*cudnn);
    }
    /// For this thread's current GPU. Throws as `check_cudnn` does.
    explicit CudnnAttention(const Cudnn& cudnn) : cudnn_(cudnn), handle_(nullptr, Release{cudnn}) {
        cudnnHandle_t handle = nullptr;
        detail::check_cudnn(cudnn_, cudnn_.create(&handle), "create a handle");
        handle_.reset(handle);
    }

    /// As `cudnn_supports`: without a plan, so that cuDNN may still refuse.
    template <class Call>
    static bool supports(const Call& call) {
        return cudnn_supports(call);
    }

    /// Bytes of workspace that `compute` needs, of CudnnForward or CudnnGradient; none if cuDNN cannot do it. The
    /// first time for a shape and its strides this makes a plan, which takes about a second and is kept. Throws as
    /// `check_cudnn` does, but for what is not supported.
    std::optional<std::size_t> workspace_bytes(const CudnnForward& call) {
        const CudnnPlan* plan = supports(call) ? find_plan(cudnn_shape(call), forward_plans_) : nullptr;
        if (plan == nullptr) return std::nullopt;
        return plan->workspace_bytes();
    }
    std::optional<std::size_t> workspace_bytes(const CudnnGradient& call) {
        const CudnnPlan* plan = supports(call) ? find_plan(cudnn_shape(call), gradient_plans_) : nullptr;
        if (plan == nullptr) return std::nullopt;
        return row_sum_bytes(call) + plan->workspace_bytes();
    }
    /// Why the last plan that could not be made could not; empty if all could.
    [[nodiscard]] const std::string& refusal() const { return refusal_; }
    /// Of the library, 91900 for 9.19.0.
    [[nodiscard]] std::size_t version() const { return cudnn_.get_version(); }

    /// Puts `attention` on `stream`. `workspace` is on the GPU, aligned to 256 bytes. Throws Error(unsupported)
    /// where `workspace_bytes` gives none, Error(value) if there are fewer.
    void compute(cudaStream_t stream, const CudnnForward& call, std::span<std::byte> workspace) {
        require_room(workspace_bytes(call), workspace);
        Arguments arguments(call);
        arguments.add(Id::out, call.out.data);
        execute(stream, *find_plan(cudnn_shape(call), forward_plans_), arguments, workspace.data());
    }
    /// The same for `attention_gradient`.
    void compute(cudaStream_t stream, const CudnnGradient& call, std::span<std::byte> workspace) {
        require_room(workspace_bytes(call), workspace);
        Arguments arguments(call);
        arguments.add(Id::out, call.out.data);
        arguments.add(Id::dout, call.dout.data);
        arguments.add(Id::dq, call.dq.data);
        arguments.add(Id::dk, call.dk.data);
        arguments.add(Id::dv, call.dv.data);
        arguments.add(Id::row_sums, workspace.data());
        arguments.add(Id::one, &arguments.one);
        execute(stream, *find_plan(cudnn_shape(call), gradient_plans_), arguments,
                workspace.data() + row_sum_bytes(call));
    }

private:
    using Id = CudnnAttentionTensor;
    using Plans = std::map<CudnnAttentionShape, std::optional<CudnnPlan>>;

    struct Release {
        Cudnn cudnn;
        void operator()(cudnnHandle_t handle) const { cudnn.destroy(handle); }
    };

    /// Ids and addresses, and the numbers that some addresses are of.
    struct Arguments {
        template <class Call>
        explicit Arguments(const Call& call) : scale(static_cast<float>(call.rule.scale)) {
            add(Id::scale, &scale);
            add(Id::minus_infinity, &minus_infinity);
            add(Id::q, call.q.data);
            add(Id::k, call.k.data);
            add(Id::v, call.v.data);
            add(Id::log_sum, call.log_sum.data);
        }
        Arguments(const Arguments&) = delete;
        Arguments& operator=(const Arguments&) = delete;
        void add(Id id, const void* address) {
            ids[count] = static_cast<std::int64_t>(id);
            pointers[count++] = const_cast<void*>(address);  // cuDNN has one type for what it reads and writes
        }

        float scale, minus_infinity = -std::numeric_limits<float>::infinity(), one = 1;
        std::array<std::int64_t, 13> ids{};
        std::array<void*, 13> pointers{};
        std::size_t count = 0;
    };

    static std::size_t row_sum_bytes(const CudnnGradient& call) {
        const Index bytes = call.q.batch * call.q.heads * call.q.time * static_cast<Index>(sizeof(float));
        return static_cast<std::size_t>(round_up(bytes, 256));
    }
    void require_room(std::optional<std::size_t> needed, std::span<std::byte> workspace) const {
        if (!needed) throw Error(ErrorCode::unsupported, "cudnn", "no plan for this attention: " + refusal_);
        if (workspace.size() >= *needed) return;
        throw Error(ErrorCode::value, "cudnn",
                    "attention needs a workspace of " + std::to_string(*needed) + " bytes, not " +
                        std::to_string(workspace.size()));
    }

    /// Null if there is none, which is remembered as well.
    const CudnnPlan* find_plan(const CudnnAttentionShape& shape, Plans& plans) {
        auto found = plans.find(shape);
        if (found == plans.end()) {
            std::optional<CudnnPlan> plan;
            try {
                plan.emplace(cudnn_,
                             &plans == &gradient_plans_ ? cudnn_attention_gradient_graph(cudnn_, shape)
                                                        : cudnn_attention_graph(cudnn_, shape),
                             handle_.get());
            } catch (const Error& error) {
                if (error.code() != ErrorCode::unsupported) throw;
                refusal_ = error.what();
            }
            found = plans.emplace(shape, std::move(plan)).first;
        }
        return found->second ? &*found->second : nullptr;
    }
    void execute(cudaStream_t stream, const CudnnPlan& plan, const Arguments& arguments, void* workspace) {
        detail::check_cudnn(cudnn_, cudnn_.set_stream(handle_.get(), stream), "use a stream");
        plan.execute(handle_.get(), std::span(arguments.ids).first(arguments.count),
                     std::span(arguments.pointers).first(arguments.count), workspace);
    }

    Cudnn cudnn_;
    std::unique_ptr<cudnnContext, Release> handle_;  // ends after the plans
    Plans forward_plans_, gradient_plans_;
    std::string refusal_;
};

#else

/// Stands for cuDNN in a program that was built without its headers: there never is one.
class CudnnAttention {
public:
    static std::optional<CudnnAttention> find(int, const char* = nullptr) { return std::nullopt; }
    template <class Call>
    static bool supports(const Call&) {
        return false;
    }
    template <class Call>
    std::optional<std::size_t> workspace_bytes(const Call&) {
        return std::nullopt;
    }
    [[nodiscard]] std::string refusal() const { return "this program was built without cuDNN"; }
    [[nodiscard]] std::size_t version() const { return 0; }
    template <class Call>
    void compute(cudaStream_t, const Call&, std::span<std::byte>) {}

private:
    CudnnAttention() = default;
};

#endif

}  // namespace lapidary
