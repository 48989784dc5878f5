#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/core/host_device.hpp>
#include <lapidary/core/master_weights.hpp>
#include <lapidary/core/moments.hpp>
#include <lapidary/ops/check.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace lapidary {

/// The digest of a vector is the sum, modulo 2^64, of the bits of each element times a key that its position p
/// decides: `digest_key(p / digest_block) * element_key(p % digest_block)`.
///
/// Sums of integers do not depend on their order, so parts may be digested anywhere, by anybody, and added. Keys
/// are odd: a change of any one element changes the digest. Several within a block of keys cancel each other by a
/// chance of about 2^-32, several in different ones of 2^-64. It finds errors; it is no protection against
/// somebody who chooses values that cancel.
inline constexpr Index digest_block = 1024;

/// Source: the finalizer of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
/// 2014).
LAPIDARY_HOST_DEVICE constexpr std::uint64_t digest_key(std::uint64_t number) {
    std::uint64_t x = (number + 1) * 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return (x ^ (x >> 31)) | 1U;
}
LAPIDARY_HOST_DEVICE constexpr std::uint32_t element_key(std::uint64_t place) {
    return static_cast<std::uint32_t>(digest_key(place) >> 32) | 1U;
}

namespace detail {

/// Walks the pieces into which blocks of `span` elements, counted from `first`, and the beginnings of runs cut the
/// positions [first, first + size): `visit(block + run, run)`, each number once, ascending.
template <class Visit>
void each_digest_piece(Index first, Index size, Index span, std::span<const Index> starts, Visit&& visit) {
    const auto runs = static_cast<Index>(starts.size());
    const auto begins_by = [&](Index run, Index position) {
        return run < runs && starts[static_cast<std::size_t>(run)] <= position;
    };
    for (Index block = 0, run = 0; block * span < size; ++block) {
        const Index begin = first + block * span, end = first + std::min((block + 1) * span, size);
        while (begins_by(run + 1, begin)) ++run;
        visit(block + run, run);
        while (begins_by(run + 1, end - 1)) {
            ++run;
            visit(block + run, run);
        }
    }
}

}  // namespace detail

/// The digest of each run of a vector of which x, [N], holds the positions from `first` on. Runs begin at
/// `starts`, ascending, and end where the next begins; one of which x holds nothing has the digest 0. `x`: a view
/// of accumulators or bf16, or master weights, of which the exact values count.
///
/// The same on all devices of one accumulator type, on any number of threads. Throws Error(shape) unless the first
/// run begins at or before `first`, and runs ascend.
template <Device D, class Elements>
std::vector<std::uint64_t> digests(D& device, const Elements& x, Index first, std::span<const Index> starts) {
    detail::require_shape(
        !starts.empty() && starts.front() <= first && std::is_sorted(starts.begin(), starts.end()), "digests",
        [&] {
            return "of " + std::to_string(starts.size()) + " runs from position " + std::to_string(first) +
                   ": the first must begin before it, and all must ascend";
        });
    std::vector<std::uint64_t> sums(starts.size());
    digests_on(device, x, first, starts, std::span(sums));
    return sums;
}

/// The same of weights with their remainders.
template <Device D>
std::vector<std::uint64_t> weight_digests(D& device, std::type_identity_t<MasterWeights<const Scalar<D>>> weights,
                                          Index first, std::span<const Index> starts) {
    if constexpr (has_remainders<D>) {
        detail::require_same("digests", "weights", weights.weights, "remainders", weights.remainders);
        return digests(device, weights, first, starts);
    } else {
        return digests(device, weights.weights, first, starts);
    }
}

/// The same of a moment.
template <Device D>
std::vector<std::uint64_t> moment_digests(D& device, std::type_identity_t<MomentView<const Accumulator<D>>> moment,
                                          Index first, std::span<const Index> starts) {
    if constexpr (has_remainders<D>) {
        if (!moment.narrow.empty()) return digests(device, moment.narrow, first, starts);
    }
    return digests(device, moment.wide, first, starts);
}

}  // namespace lapidary
