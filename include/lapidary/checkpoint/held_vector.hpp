#pragma once

#include <lapidary/checkpoint/tensor_pieces.hpp>
#include <lapidary/comm/shards.hpp>
#include <lapidary/core/device.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace lapidary::detail {

/// A flat vector as far as this rank has it: all of it, or its shard.
template <class T>
struct HeldVector {
    View<T, 1> elements;
    const Shards* shards = nullptr;  ///< if there are any, `elements` is this rank's

    /// Calls `visit(rank, part)` for the parts of a range of the flat vector, in order, with the rank that has
    /// each; where nothing is sharded it is this one's, whoever asks.
    template <class Visit>
    void each_part(Range range, Visit&& visit) const {
        if (shards == nullptr) return visit(-1, range);
        for (Index u = 0; u < shards->unit_count(); ++u) {
            const Range unit = shards->unit(u);
            if (unit.end() <= range.first || unit.first >= range.end()) continue;
            for (int rank = 0; rank < shards->ranks(); ++rank) {
                const Range has = shards->of(u, rank);
                const Index first = std::max(has.first, range.first), end = std::min(has.end(), range.end());
                if (first < end) visit(rank, Range{first, end - first});
            }
        }
    }
    [[nodiscard]] bool has(int rank) const { return rank < 0 || rank == shards->rank(); }
    /// The elements of a part that this rank has.
    [[nodiscard]] View<T, 1> at(Range part) const {
        if (shards == nullptr) return elements.slice(part.first, part.count);
        for (Index u = 0; u < shards->unit_count(); ++u) {
            const Range own = shards->own(u);
            if (part.first >= own.first && part.end() <= own.end()) {
                return elements.slice(shards->shard(u).first + part.first - own.first, part.count);
            }
        }
        return {};
    }
    /// Whether this rank has anything of a piece.
    [[nodiscard]] bool touches(const TensorPiece& piece) const {
        bool any = false;
        for (const Range& range : piece.flat) {
            each_part(range, [&](int rank, Range) { any = any || has(rank); });
        }
        return any;
    }
};

/// The elements of a piece of a whole vector, in the order of the file.
template <Device D>
std::vector<Scalar<D>> load(D& device, ConstView<Scalar<D>, 1> vector, const TensorPiece& piece) {
    std::vector<Scalar<D>> host(static_cast<std::size_t>(piece.size()));
    Scalar<D>* target = host.data();
    for (const Range& range : piece.flat) {
        device.download(vector.data + range.first, target,
                        static_cast<std::size_t>(range.count) * sizeof(Scalar<D>));
        target += range.count;
    }
    to_file_order(piece, host);
    return host;
}

/// Puts the elements of a piece, in the order of the flat vector, where this rank has them.
template <Device D>
void store(D& device, const HeldVector<Scalar<D>>& vector, const TensorPiece& piece,
           const std::vector<Scalar<D>>& host) {
    Index position = 0;
    for (const Range& range : piece.flat) {
        vector.each_part(range, [&](int rank, Range part) {
            if (vector.has(rank)) {
                device.upload(host.data() + position, vector.at(part).data,
                              static_cast<std::size_t>(part.count) * sizeof(Scalar<D>));
            }
            position += part.count;
        });
    }
}

}  // namespace lapidary::detail
