#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/core/view.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace lapidary {

/// The windows of one step. Inputs are columns [0, T), labels columns [1, T + 1).
struct Batch {
    Index step = 0;
    Index epoch = 0;
    Index chunk = 0;
    bool last_in_chunk = false;        ///< the next step starts another chunk
    std::vector<std::int32_t> tokens;  ///< [B, T + 1] row-major
    Index batch = 0;                   ///< B
    Index context = 0;                 ///< T
    std::vector<Index> rows;           ///< [B] rows of the chunk that these windows are
    std::vector<std::uint8_t> mask;    ///< [B, T]: 0 where a label is not counted; empty: all are (`LossMean`)
    /// [B, T]: where the document of an input begins in its window, before which it sees nothing; empty: a window
    /// is one document
    std::vector<std::int32_t> starts;

    [[nodiscard]] View<const std::int32_t, 2> view() const { return {tokens.data(), {batch, context + 1}}; }
    /// [B, T], or [B, 0] where all labels count.
    [[nodiscard]] View<const std::uint8_t, 2> mask_view() const {
        return {mask.data(), {batch, mask.empty() ? 0 : context}};
    }
    /// [B, T], or [B, 0] where a window is one document.
    [[nodiscard]] View<const std::int32_t, 2> starts_view() const {
        return {starts.data(), {batch, starts.empty() ? 0 : context}};
    }

    /// Fills `mask`, where it is needed: a label that is the id `pad` does not count.
    void leave_out_padding(std::int32_t pad) {
        mask.clear();
        if (std::find(tokens.begin(), tokens.end(), pad) == tokens.end()) return;
        for (Index b = 0; b < batch; ++b) {
            for (Index t = 0; t < context; ++t) mask.push_back(view().at(b)[t + 1] == pad ? 0 : 1);
        }
    }

    /// Fills `starts`: a document ends with an id `eos`.
    void separate_documents(std::int32_t eos) {
        starts.clear();
        for (Index b = 0; b < batch; ++b) {
            std::int32_t start = 0;
            for (Index t = 0; t < context; ++t) {
                starts.push_back(start);
                if (view().at(b)[t] == eos) start = static_cast<std::int32_t>(t) + 1;
            }
        }
    }
};

}  // namespace lapidary
