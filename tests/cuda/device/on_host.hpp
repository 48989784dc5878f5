#pragma once

#include <lapidary/core/view.hpp>

#include <cuda_runtime_api.h>

#include <cstddef>
#include <stdexcept>
#include <type_traits>
#include <vector>

namespace lapidary::test {

/// The elements of a view, on a GPU or not, after all that the GPU was given is done.
template <class T, std::size_t Rank>
std::vector<std::remove_const_t<T>> on_host(View<T, Rank> view) {
    std::vector<std::remove_const_t<T>> elements(static_cast<std::size_t>(view.size()));
    const cudaError_t result =
        cudaMemcpy(elements.data(), view.data, elements.size() * sizeof(T), cudaMemcpyDefault);
    if (result != cudaSuccess) throw std::runtime_error(cudaGetErrorString(result));
    return elements;
}

}  // namespace lapidary::test
