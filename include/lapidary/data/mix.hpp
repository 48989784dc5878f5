#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/permutation.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// In which order a source's windows are laid into the chunks.
enum class MixOrder {
    dealt,     ///< as stored, dealt round: window i goes to chunk i mod N, as in AMBER
    shuffled,  ///< one epoch after the other over the run, each in an order drawn for it
    given,     ///< as stored, block by block: chunk c holds the c-th block of the windows
};

/// What a source brings to a mix.
struct MixSource {
    Index windows = 0;  ///< training windows that it has
    Index samples = 0;  ///< windows of it that the chunks hold, repetitions counted
    bool operator==(const MixSource&) const = default;
};

/// Which window lies where: a bijection between the places (chunk, row) and the samples (source, epoch, window) of
/// a run, a pure function of its arguments that keeps nothing but one number a source.
///
/// The samples of the sources, laid end to end, are dealt to the N chunks in turn: slot q is row q / N of chunk q
/// mod N. So all chunks have equally many windows, those of a source lie together, and any two chunks differ by at
/// most one window of it. A source's sample j is window order(j mod windows) of its epoch j / windows. Samples are
/// counted from chunk to chunk, so that the run sees a window again only after it saw all others of its source;
/// for `dealt` they are counted in the order of slots.
class Mix {
public:
    struct Sample {
        Index source = 0;
        Index epoch = 0;
        Index window = 0;  ///< of the source's training windows
        bool operator==(const Sample&) const = default;
    };
    struct Place {
        Index chunk = 0;
        Index row = 0;
        bool operator==(const Place&) const = default;
    };

    /// Throws Error(value) unless there is a chunk, no count is negative, every source with samples has windows
    /// (and fewer than 2^32 epochs of them), and the samples fill the chunks evenly.
    Mix(std::vector<MixSource> sources, Index chunks, MixOrder order, std::uint64_t seed)
        : sources_(std::move(sources)), chunks_(chunks), order_(order), seed_(seed) {
        if (chunks < 1) throw Error(ErrorCode::value, "mix", std::to_string(chunks) + " chunks");
        first_.push_back(0);
        for (std::size_t s = 0; s < sources_.size(); ++s) {
            check(sources_[s], s);
            first_.push_back(first_.back() + sources_[s].samples);
        }
        if (first_.back() % chunks != 0) {
            throw Error(ErrorCode::value, "mix",
                        std::to_string(first_.back()) + " samples do not fill " + std::to_string(chunks) +
                            " chunks evenly");
        }
    }

    [[nodiscard]] const std::vector<MixSource>& sources() const { return sources_; }
    [[nodiscard]] Index chunks() const { return chunks_; }
    [[nodiscard]] Index samples() const { return first_.back(); }
    [[nodiscard]] Index windows_per_chunk() const { return samples() / chunks_; }
    /// Epochs of a source that are begun. Throws Error(value) if there is no such source.
    [[nodiscard]] Index epochs(Index source) const {
        const MixSource& one = sources_[index(source)];
        return one.samples == 0 ? 0 : (one.samples - 1) / one.windows + 1;
    }

    /// The sample at a place: O(log sources). Throws Error(value) outside the chunks.
    [[nodiscard]] Sample at(Index chunk, Index row) const {
        check_chunk(chunk);
        if (row < 0 || row >= windows_per_chunk()) {
            throw Error(ErrorCode::value, "mix",
                        "row " + std::to_string(row) + " of " + std::to_string(windows_per_chunk()));
        }
        const Index slot = row * chunks_ + chunk;
        const auto s =
            static_cast<std::size_t>(std::upper_bound(first_.begin(), first_.end(), slot) - first_.begin() - 1);
        const Index j = order_ == MixOrder::dealt ? slot - first_[s]
                                                  : samples_before(s, chunk) + row - row_of(first_[s], chunk);
        const Index epoch = j / sources_[s].windows;
        const Index within = j % sources_[s].windows;
        return {static_cast<Index>(s), epoch, order_ == MixOrder::shuffled ? order(s, epoch)(within) : within};
    }

    /// Where a sample lies, the inverse of `at`: O(log chunks); nothing if the run holds no such sample. Throws
    /// Error(value) if there is no such source, epoch (negative) or window.
    [[nodiscard]] std::optional<Place> place(Index source, Index epoch, Index window) const {
        const std::size_t s = index(source);
        if (epoch < 0 || window < 0 || window >= sources_[s].windows) {
            throw Error(ErrorCode::value, "mix",
                        "window " + std::to_string(window) + " of epoch " + std::to_string(epoch) + ", source " +
                            std::to_string(source) + " has " + std::to_string(sources_[s].windows) + " windows");
        }
        if (epoch >= epochs(source)) return std::nullopt;
        const Index within = order_ == MixOrder::shuffled ? order(s, epoch).position(window) : window;
        const Index j = epoch * sources_[s].windows + within;
        if (j >= sources_[s].samples) return std::nullopt;
        if (order_ == MixOrder::dealt) return Place{(first_[s] + j) % chunks_, (first_[s] + j) / chunks_};
        Index chunk = 0;  // the last that has at most j samples before it
        for (Index end = chunks_; end - chunk > 1;) {
            const Index middle = chunk + (end - chunk) / 2;
            (samples_before(s, middle) <= j ? chunk : end) = middle;
        }
        return Place{chunk, row_of(first_[s], chunk) + j - samples_before(s, chunk)};
    }

    /// The first row of a source in a chunk; its last is before that of the next source (`sources().size()`: the
    /// end of the chunk). Throws Error(value) if there is no such chunk or source.
    [[nodiscard]] Index first_row(Index chunk, Index source) const {
        check_chunk(chunk);
        if (source == static_cast<Index>(sources_.size())) return windows_per_chunk();
        return row_of(first_[index(source)], chunk);
    }

private:
    void check(const MixSource& source, std::size_t s) const {
        const auto refuse = [&](const std::string& reason) {
            throw Error(ErrorCode::value, "mix",
                        "source " + std::to_string(s) + ": " + std::to_string(source.samples) + " samples of " +
                            std::to_string(source.windows) + " windows" + reason);
        };
        if (source.samples < 0 || source.windows < 0 || (source.samples > 0 && source.windows == 0)) refuse("");
        if (source.samples > 0 && (source.samples - 1) / source.windows >= Index{1} << 32) refuse(", too often");
        if (source.samples > std::numeric_limits<Index>::max() - first_.back())
            refuse(", more than can be counted");
    }

    void check_chunk(Index chunk) const {
        if (chunk < 0 || chunk >= chunks_) {
            throw Error(ErrorCode::value, "mix",
                        "there is no chunk " + std::to_string(chunk) + " in " + std::to_string(chunks_));
        }
    }
    [[nodiscard]] std::size_t index(Index source) const {
        if (source < 0 || source >= static_cast<Index>(sources_.size())) {
            throw Error(ErrorCode::value, "mix",
                        "there is no source " + std::to_string(source) + " in " + std::to_string(sources_.size()));
        }
        return static_cast<std::size_t>(source);
    }

    // The order of one epoch of a source.
    [[nodiscard]] Permutation order(std::size_t s, Index epoch) const {
        return {sources_[s].windows, seed_, (std::uint64_t{s} << 32) | static_cast<std::uint64_t>(epoch), "mix"};
    }

    // Row, in a chunk, of its first slot that is not before `slot`.
    [[nodiscard]] Index row_of(Index slot, Index chunk) const {
        return slot / chunks_ + (chunk < slot % chunks_ ? 1 : 0);
    }
    // Samples of a source in the chunks before `chunk`.
    [[nodiscard]] Index samples_before(std::size_t s, Index chunk) const {
        const auto slots_before = [&](Index end) {  // of those before `end`, how many lie in earlier chunks
            return end / chunks_ * chunk + std::min(end % chunks_, chunk);
        };
        return slots_before(first_[s + 1]) - slots_before(first_[s]);
    }

    std::vector<MixSource> sources_;
    std::vector<Index> first_;  // the first slot of every source, and their end
    Index chunks_;
    MixOrder order_;
    std::uint64_t seed_;
};

}  // namespace lapidary
