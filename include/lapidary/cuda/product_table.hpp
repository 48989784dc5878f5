#pragma once

#include <lapidary/cuda/check.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lapidary {

/// The algorithm of cuBLAS with which products of one shape are computed.
struct PinnedProduct {
    std::string key;        ///< shape, transposes, types, alignment
    std::string algorithm;  ///< 64 bytes, as 128 hexadecimal digits
};

/// Which algorithms a device has used, to be recorded with a run and read when it goes on: another algorithm adds
/// in another order. They mean something to the same version of cuBLAS on the same kind of GPU only.
struct ProductTable {
    std::string cublas;  ///< version
    std::string gpu;     ///< name
    int multiprocessors = 0;
    std::size_t cudnn = 0;  ///< version of the library that computes attention; 0: none
    std::vector<PinnedProduct> products;
};

namespace detail {

/// A type with a name: nvcc cannot destroy what has none.
struct ProductAlgorithm {
    cublasLtMatmulAlgo_t value{};
};

inline std::string to_hex(const ProductAlgorithm& algorithm) {
    std::string text;
    for (const std::uint64_t word : algorithm.value.data) {
        for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[(word >> shift) & 15U];
    }
    return text;
}

/// Throws Error(format) for what `to_hex` does not write.
inline ProductAlgorithm from_hex(const PinnedProduct& pinned) {
    constexpr std::string_view digits = "0123456789abcdef";
    ProductAlgorithm algorithm;
    bool good = pinned.algorithm.size() == 2 * sizeof algorithm.value.data;
    for (std::size_t i = 0; good && i < pinned.algorithm.size(); ++i) {
        const std::size_t digit = digits.find(pinned.algorithm[i]);
        good = digit != std::string_view::npos;
        algorithm.value.data[i / 16] = algorithm.value.data[i / 16] << 4 | (good ? digit : 0);
    }
    if (!good) {
        throw Error(ErrorCode::format, "products",
                    "the algorithm of '" + pinned.key + "' is not 128 hexadecimal digits");
    }
    return algorithm;
}

/// Throws Error(unsupported) if a table is another library's or GPU's.
inline void require_same_products(const ProductTable& recorded, const ProductTable& here) {
    if (recorded.cublas == here.cublas && recorded.gpu == here.gpu &&
        recorded.multiprocessors == here.multiprocessors)
        return;
    const auto text = [](const ProductTable& table) {
        return "cuBLAS " + table.cublas + " on " + table.gpu + " with " + std::to_string(table.multiprocessors) +
               " multiprocessors";
    };
    throw Error(ErrorCode::unsupported, "products",
                "the recorded algorithms are those of " + text(recorded) + ", but this is " + text(here) +
                    ": results would not be the same bits; without the record, algorithms are chosen anew");
}

}  // namespace detail

}  // namespace lapidary
