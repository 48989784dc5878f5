#pragma once

#include <lapidary/core/bf16.hpp>
#include <lapidary/cuda/check.hpp>
#include <lapidary/cuda/gpu.hpp>
#include <lapidary/cuda/product_table.hpp>

#include <compare>
#include <cstdint>
#include <string>
#include <type_traits>

namespace lapidary::detail {

template <class T>
inline constexpr cudaDataType cuda_type = std::is_same_v<T, bf16> ? CUDA_R_16BF : CUDA_R_32F;

enum class Addend { none, in_place, apart };

/// What the choice of an algorithm depends on.
struct ProductKey {
    Index rows, columns, depth;
    bool left_transposed, right_transposed;
    cudaDataType in, out;
    Addend addend;
    int alignment;  ///< bytes that divide all addresses, up to 16, more than which no algorithm asks for

    friend auto operator<=>(const ProductKey&, const ProductKey&) = default;
};

template <class T, class Out>
ProductKey product_key(const Product<T, Out>& p) {
    const auto address = [](const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); };
    const std::uintptr_t bits = 16 | address(p.left) | address(p.right) | address(p.out) | address(p.addend);
    Addend addend = Addend::none;
    if (p.addend != nullptr) addend = p.addend == p.out ? Addend::in_place : Addend::apart;
    return {.rows = p.rows,
            .columns = p.columns,
            .depth = p.depth,
            .left_transposed = p.left_transposed,
            .right_transposed = p.right_transposed,
            .in = cuda_type<T>,
            .out = cuda_type<Out>,
            .addend = addend,
            .alignment = static_cast<int>(bits & (~bits + 1))};
}

/// As in a ProductTable.
inline std::string product_text(const ProductKey& key) {
    const auto type = [](cudaDataType of) { return of == CUDA_R_16BF ? "bf16" : "float"; };
    std::string text = std::to_string(key.rows) + " x " + std::to_string(key.columns) + ", depth " +
                       std::to_string(key.depth) + ", " + type(key.in) + " to " + type(key.out);
    if (key.left_transposed) text += ", left transposed";
    if (key.right_transposed) text += ", right transposed";
    if (key.addend == Addend::in_place) text += ", added in place";
    if (key.addend == Addend::apart) text += ", added to another";
    return text + ", aligned to " + std::to_string(key.alignment);
}

/// A product as cuBLAS wants it described. Its matrices are column by column, and ours, row by row, are to it
/// their transposes: out^T = right^T left^T.
struct ProductPlan {
    cublasLtMatmulDescOpaque_t operation{};
    cublasLtMatrixLayoutOpaque_t right{}, left{}, addend{}, out{};
    ProductAlgorithm algorithm{};

    explicit ProductPlan(const ProductKey& key) {
        check(cublasLtMatmulDescInit(&operation, CUBLAS_COMPUTE_32F, CUDA_R_32F), "matmul");
        set(CUBLASLT_MATMUL_DESC_TRANSA, key.right_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
        set(CUBLASLT_MATMUL_DESC_TRANSB, key.left_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
        describe(right, key.in, key.depth, key.columns, key.right_transposed);
        describe(left, key.in, key.rows, key.depth, key.left_transposed);
        describe(addend, key.out, key.rows, key.columns, false);
        describe(out, key.out, key.rows, key.columns, false);
    }

private:
    void set(cublasLtMatmulDescAttributes_t attribute, cublasOperation_t value) {
        check(cublasLtMatmulDescSetAttribute(&operation, attribute, &value, sizeof value), "matmul");
    }
    static void describe(cublasLtMatrixLayoutOpaque_t& layout, cudaDataType type, Index rows, Index columns,
                         bool transposed) {
        const Index stored_rows = transposed ? columns : rows, stored_columns = transposed ? rows : columns;
        check(cublasLtMatrixLayoutInit(&layout, type, static_cast<std::uint64_t>(stored_columns),
                                       static_cast<std::uint64_t>(stored_rows), stored_columns),
              "matmul");
    }
};

}  // namespace lapidary::detail
