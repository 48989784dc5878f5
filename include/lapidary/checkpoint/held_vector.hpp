#pragma once

#include <lapidary/checkpoint/tensor_pieces.hpp>
#include <lapidary/comm/shards.hpp>
#include <lapidary/core/master_weights.hpp>

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace lapidary::detail {

/// Elements of a flat vector as far as this rank has them: all, or its shard.
template <class T>
struct Held {
    View<T, 1> elements;
    const Shards* shards = nullptr;  ///< if there are any, `elements` is this rank's shard

    /// A part that this rank has.
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
};

/// A vector of a training state as far as this rank has it, in accumulators: what a file holds. The state may have
/// it as it is, or narrow weights and their remainders, which are such a vector together, or a moment in bf16,
/// which files hold as floats. `T`: the device's element type, const for who only reads.
template <class T>
struct HeldVector {
    using Value = Wide<std::remove_const_t<T>>;
    template <class U>
    using Same = std::conditional_t<std::is_const_v<T>, const U, U>;

    Held<Same<Value>> values{};
    Held<T> weights{};
    Held<Same<std::int16_t>> remainders{};
    Held<Same<bf16>> moments{};

    /// How it is sharded; null: not.
    [[nodiscard]] const Shards* shards() const {
        for (const Shards* any : {values.shards, remainders.shards, weights.shards, moments.shards}) {
            if (any != nullptr) return any;
        }
        return nullptr;
    }

    /// Calls `visit(rank, part)` for the parts of a range of the flat vector, in order, with the rank that has
    /// each; where nothing is sharded it is this one's, whoever asks.
    template <class Visit>
    void each_part(Range range, Visit&& visit) const {
        const Shards* const all = shards();
        if (all == nullptr) return visit(-1, range);
        for (Index u = 0; u < all->unit_count(); ++u) {
            const Range unit = all->unit(u);
            if (unit.end() <= range.first || unit.first >= range.end()) continue;
            for (int rank = 0; rank < all->ranks(); ++rank) {
                const Range has = all->of(u, rank);
                const Index first = std::max(has.first, range.first), end = std::min(has.end(), range.end());
                if (first < end) visit(rank, Range{first, end - first});
            }
        }
    }
    [[nodiscard]] bool has(int rank) const { return rank < 0 || rank == shards()->rank(); }
    /// Whether this rank has anything of a piece.
    [[nodiscard]] bool touches(const TensorPiece& piece) const {
        bool any = false;
        for (const Range& range : piece.flat) {
            each_part(range, [&](int rank, Range) { any = any || has(rank); });
        }
        return any;
    }

    /// A part that this rank has, to and from host memory.
    template <Device D>
    void download(D& device, Range part, Value* host) const {
        if (!weights.elements.empty()) return download_weights(device, masters(part), host);
        if (!moments.elements.empty()) {
            std::vector<bf16> narrow(static_cast<std::size_t>(part.count));
            device.download(moments.at(part).data, narrow.data(), narrow.size() * sizeof(bf16));
            for (const bf16 element : narrow) *host++ = static_cast<Value>(element);
            return;
        }
        device.download(values.at(part).data, host, static_cast<std::size_t>(part.count) * sizeof(Value));
    }
    template <Device D>
    void upload(D& device, Range part, const Value* host) const {
        if (!weights.elements.empty()) return upload_weights(device, host, masters(part));
        if (!moments.elements.empty()) {
            std::vector<bf16> narrow;
            for (Index i = 0; i < part.count; ++i) narrow.emplace_back(host[i]);
            return device.upload(narrow.data(), moments.at(part).data, narrow.size() * sizeof(bf16));
        }
        device.upload(host, values.at(part).data, static_cast<std::size_t>(part.count) * sizeof(Value));
    }
    /// The same in the device's memory, maybe in its scratch.
    template <Device D>
    View<const Value, 1> on_device(D& device, Range part) const {
        if (!values.elements.empty()) return values.at(part);
        std::vector<Value> host(static_cast<std::size_t>(part.count));
        download(device, part, host.data());
        const auto staged = accumulator_scratch(device, Shape<1>{part.count});
        device.upload(host.data(), staged.data, host.size() * sizeof(Value));
        return staged;
    }

private:
    [[nodiscard]] MasterWeights<T> masters(Range part) const {
        if (remainders.elements.empty()) return weights.at(part);
        return {weights.at(part), remainders.at(part)};
    }
};

/// The elements of a piece of a whole vector, in the order of the file.
template <Device D, class T>
std::vector<T> load(D& device, View<const T, 1> vector, const TensorPiece& piece) {
    std::vector<T> host(static_cast<std::size_t>(piece.size()));
    T* target = host.data();
    for (const Range& range : piece.flat) {
        device.download(vector.data + range.first, target, static_cast<std::size_t>(range.count) * sizeof(T));
        target += range.count;
    }
    to_file_order(piece, host);
    return host;
}

/// Puts the elements of a piece, in the order of the flat vector, where this rank has them.
template <Device D>
void store(D& device, const HeldVector<Scalar<D>>& vector, const TensorPiece& piece,
           const std::vector<Accumulator<D>>& host) {
    Index position = 0;
    for (const Range& range : piece.flat) {
        vector.each_part(range, [&](int rank, Range part) {
            if (vector.has(rank)) vector.upload(device, part, host.data() + position);
            position += part.count;
        });
    }
}

}  // namespace lapidary::detail
