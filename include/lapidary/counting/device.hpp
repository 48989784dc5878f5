#pragma once

#include <lapidary/core/bf16.hpp>
#include <lapidary/core/device.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace lapidary {

/// What a computation costs: floating-point operations, a multiply-add being two.
struct OperationCount {
    double products = 0;  ///< of matrices with weights
    double attention =
        0;  ///< scores and mixtures of the positions that a token sees; its gradient counts twice that

    [[nodiscard]] double total() const { return products + attention; }
};

/// A device that computes nothing: it counts operations, and its scratch tells how much memory they would take. A
/// model of any size runs on it in no time, because memory is address space that nobody touches. T: the element
/// type of weights and activations (bf16, as on a GPU); accumulators have that which the type demands.
template <class T>
class BasicCounting {
public:
    using Scalar = T;
    /// As the devices have it that it counts for.
    static constexpr Index loss_chunk_tokens = std::is_same_v<T, bf16> ? 4096 : 512;

    /// `scratch_bytes`: address space for weights and activations.
    explicit BasicCounting(std::size_t scratch_bytes = std::size_t{1} << 42)
        : scratch_(scratch_bytes, "scratch_bytes") {}

    Arena& scratch() { return scratch_; }
    [[nodiscard]] OperationCount& count() { return count_; }

    void* allocate(std::size_t) { return nullptr; }
    void release(void*, std::size_t) noexcept {}
    void upload(const void*, void*, std::size_t) {}
    void download(const void*, void*, std::size_t) {}

private:
    Arena scratch_;
    OperationCount count_;
};

using Counting = BasicCounting<float>;
static_assert(Device<Counting> && Device<BasicCounting<bf16>>);

}  // namespace lapidary
