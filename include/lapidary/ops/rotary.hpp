#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/ops/check.hpp>
#include <lapidary/ops/heads.hpp>
#include <lapidary/ops/positions.hpp>

#include <cmath>
#include <string>

namespace lapidary {

/// Which elements of a head make a pair. Rows of the query and key matrices permuted within a head turn one into
/// the other; a checkpoint says which one it was made for.
enum class Pairing {
    halves,      ///< i and i + size / 2: LLaMA, NeoX, Falcon
    interleaved  ///< 2 i and 2 i + 1: GPT-J, CrystalCoder
};

/// How far and in which pairs a rotary embedding turns a head.
struct Rotation {
    Index size = 0;  ///< the first `size` elements of a head are rotated; even
    double theta = 10000.0;
    Pairing pairing = Pairing::halves;
    bool inverse = false;  ///< turn back: the gradient of a rotation
};

/// The angle between neighbouring positions of pair i, in single precision as the published models compute it.
inline float rotary_frequency(Index pair, const Rotation& rotation) {
    const float exponent = static_cast<float>(2 * pair) / static_cast<float>(rotation.size);
    return 1.0F / std::pow(static_cast<float>(rotation.theta), exponent);
}

/// The angle of pair i at a position, rounded the way the published models round it: frequency and product in
/// single precision.
inline double rotary_angle(Index position, Index pair, const Rotation& rotation) {
    return static_cast<double>(static_cast<float>(position) * rotary_frequency(pair, rotation));
}

/// Rotates heads in place: position t turns pair i by t * theta^(-2i/size).
///
/// x: [B, T, H, D], whose tokens stand at `positions`: the first position, or where documents begin as well.
/// Source: Su et al., "RoFormer", 2021; LLaMA's modeling_llama.py, GPT-J's modeling_gptj.py.
template <Device D>
void rotary(D& device, Heads<Scalar<D>> x, const Positions& positions, const Rotation& rotation) {
    detail::require_shape(rotation.size >= 0 && rotation.size % 2 == 0 && rotation.size <= x.size, "rotary", [&] {
        return "cannot rotate " + std::to_string(rotation.size) + " elements of heads " + to_string(x.shape());
    });
    detail::require_shape(positions.starts.empty() || positions.starts.shape == Shape<2>{x.batch, x.time},
                          "rotary", [&] {
                              return "heads are " + to_string(x.shape()) + ", the starts of documents are " +
                                     detail::extents(positions.starts);
                          });
    rotary_on(device, x, positions, rotation);
}

}  // namespace lapidary
