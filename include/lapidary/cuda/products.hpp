#pragma once

#include <lapidary/core/arena.hpp>
#include <lapidary/cuda/gpu_info.hpp>
#include <lapidary/cuda/handles.hpp>
#include <lapidary/cuda/product_plan.hpp>
#include <lapidary/cuda/product_table.hpp>

#include <array>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace lapidary::detail {

/// Products by cuBLASLt. What a product's algorithm depends on (`ProductKey`) chooses it once, and from then on it
/// stays: cuBLAS repeats the bits of an algorithm on the same kind of GPU.
class Products {
public:
    /// `tune`: choose by time, among the best eight that cuBLAS proposes, instead of taking its first. Which one
    /// is fastest may differ from run to run: record the table.
    Products(const GpuInfo& gpu, std::size_t workspace_bytes, bool tune)
        : gpu_(gpu),
          workspace_bytes_(workspace_bytes),
          tune_(tune),
          handle_(make_cublas_handle()),
          workspace_(make_gpu_memory(workspace_bytes, "the workspace of products (workspace_bytes)")) {}

    template <class T, class Out>
    void multiply(const Product<T, Out>& p, cudaStream_t stream, Arena& scratch) {
        if (p.rows == 0 || p.columns == 0) return;
        if (p.depth == 0) return multiply_nothing(p, stream);
        run(plan(p, stream, scratch), p, p.out, stream);
    }

    /// The algorithms so far, also those that were pinned and not used.
    [[nodiscard]] ProductTable table() const {
        ProductTable table = identification();
        for (const auto& [key, algorithm] : pinned_) table.products.push_back({key, to_hex(algorithm)});
        return table;
    }
    /// Uses these from now on. Throws Error(unsupported) for another GPU's or library's, Error(format).
    void pin(const ProductTable& table) {
        require_same_products(table, identification());
        std::map<std::string, ProductAlgorithm> pinned;
        for (const PinnedProduct& each : table.products) pinned[each.key] = from_hex(each);
        for (const auto& [key, algorithm] : pinned) pinned_[key] = algorithm;
        plans_.clear();
    }

private:
    [[nodiscard]] ProductTable identification() const {
        const std::size_t version = cublasLtGetVersion();
        return {std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
                    std::to_string(version % 100),
                gpu_.name,
                gpu_.multiprocessors,
                0,
                {}};
    }

    template <class T, class Out>
    static void multiply_nothing(const Product<T, Out>& p, cudaStream_t stream) {
        const std::size_t bytes = byte_count<Out>(Shape<2>{p.rows, p.columns});
        if (p.addend == nullptr) {
            check(cudaMemsetAsync(p.out, 0, bytes, stream), "matmul");
        } else if (p.addend != p.out) {
            check(cudaMemcpyAsync(p.out, p.addend, bytes, cudaMemcpyDeviceToDevice, stream), "matmul");
        }
    }

    template <class T, class Out>
    void run(const ProductPlan& plan, const Product<T, Out>& p, Out* out, cudaStream_t stream) {
        const float one = 1, scale = p.addend != nullptr ? 1 : 0;
        const Out* const addend = p.addend == nullptr || p.addend == p.out ? out : p.addend;
        // cuBLAS takes descriptions without const, but changes none.
        auto& described = const_cast<ProductPlan&>(plan);
        check(cublasLtMatmul(handle_.get(), &described.operation, &one, p.right, &described.right, p.left,
                             &described.left, &scale, addend, &described.addend, out, &described.out,
                             &plan.algorithm.value, workspace_.get(), workspace_bytes_, stream),
              "matmul");
    }

    template <class T, class Out>
    const ProductPlan& plan(const Product<T, Out>& p, cudaStream_t stream, Arena& scratch) {
        const ProductKey key = product_key(p);
        if (const auto found = plans_.find(key); found != plans_.end()) return found->second;
        ProductPlan plan(key);
        const std::string text = product_text(key);
        if (const auto found = pinned_.find(text); found != pinned_.end()) {
            plan.algorithm = found->second;
            require_works(plan, text);
        } else {
            const std::vector<ProductAlgorithm> proposed = propose(plan, key, text);
            plan.algorithm = tune_ ? fastest(plan, proposed, p, stream, scratch) : proposed.front();
            pinned_[text] = plan.algorithm;
        }
        return plans_.emplace(key, plan).first->second;
    }

    /// At most eight algorithms, the most promising first, none of which adds partial sums that were rounded to
    /// the element type.
    std::vector<ProductAlgorithm> propose(ProductPlan& plan, const ProductKey& key, const std::string& text) {
        cublasLtMatmulPreferenceOpaque_t preference{};
        check(cublasLtMatmulPreferenceInit(&preference), "matmul");
        const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
            check(cublasLtMatmulPreferenceSetAttribute(&preference, attribute, &value, sizeof value), "matmul");
        };
        prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{workspace_bytes_});
        prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
               std::uint32_t{CUBLASLT_REDUCTION_SCHEME_NONE | CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
        for (const auto attribute :
             {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
              CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
            prefer(attribute, static_cast<std::uint32_t>(key.alignment));
        }
        std::array<cublasLtMatmulHeuristicResult_t, 8> results{};
        int count = 0;
        const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
            handle_.get(), &plan.operation, &plan.right, &plan.left, &plan.addend, &plan.out, &preference,
            static_cast<int>(results.size()), results.data(), &count);
        if (status != CUBLAS_STATUS_NOT_SUPPORTED) check(status, "matmul");
        std::vector<ProductAlgorithm> proposed;
        for (int i = 0; i < count; ++i) {
            const auto& result = results[static_cast<std::size_t>(i)];
            if (result.state == CUBLAS_STATUS_SUCCESS) proposed.push_back({result.algo});
        }
        if (proposed.empty()) throw Error(ErrorCode::unsupported, "matmul", "cuBLAS cannot compute " + text);
        return proposed;
    }

    void require_works(ProductPlan& plan, const std::string& text) {
        cublasLtMatmulHeuristicResult_t result{};
        const cublasStatus_t status =
            cublasLtMatmulAlgoCheck(handle_.get(), &plan.operation, &plan.right, &plan.left, &plan.addend,
                                    &plan.out, &plan.algorithm.value, &result);
        if (status == CUBLAS_STATUS_SUCCESS && result.workspaceSize <= workspace_bytes_) return;
        throw Error(ErrorCode::unsupported, "matmul",
                    "the algorithm recorded for " + text + " does not work here: " +
                        (status != CUBLAS_STATUS_SUCCESS
                             ? std::string(cublasLtGetStatusString(status))
                             : "it needs workspace_bytes of " + std::to_string(result.workspaceSize)));
    }

    /// Runs each of them several times, into scratch.
    template <class T, class Out>
    ProductAlgorithm fastest(ProductPlan plan, const std::vector<ProductAlgorithm>& proposed,
                             const Product<T, Out>& p, cudaStream_t stream, Arena& scratch) {
        constexpr int repetitions = 5;
        const ScratchScope scope(scratch);
        Out* const out = scratch.allocate<Out>(Shape<2>{p.rows, p.columns}).data;
        const GpuEvent begin = make_gpu_event(), end = make_gpu_event();
        float least = std::numeric_limits<float>::infinity();
        ProductAlgorithm best = proposed.front();
        for (const ProductAlgorithm& algorithm : proposed) {
            plan.algorithm = algorithm;
            run(plan, p, out, stream);  // loads it
            check(cudaEventRecord(begin.get(), stream), "matmul");
            for (int i = 0; i < repetitions; ++i) run(plan, p, out, stream);
            check(cudaEventRecord(end.get(), stream), "matmul");
            check(cudaEventSynchronize(end.get()), "matmul");
            float milliseconds = 0;
            check(cudaEventElapsedTime(&milliseconds, begin.get(), end.get()), "matmul");
            if (milliseconds < least) {
                least = milliseconds;
                best = algorithm;
            }
        }
        return best;
    }

    GpuInfo gpu_;
    std::size_t workspace_bytes_;
    bool tune_;
    CublasHandle handle_;
    GpuMemory workspace_;
    std::map<ProductKey, ProductPlan> plans_;
    std::map<std::string, ProductAlgorithm> pinned_;
};

}  // namespace lapidary::detail
