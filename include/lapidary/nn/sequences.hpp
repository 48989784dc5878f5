#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/view.hpp>
#include <lapidary/ops/positions.hpp>

#include <cstdint>

namespace lapidary {

/// Token ids [B, T] in a device's memory, and where the documents begin that were packed into a row. Ids alone
/// convert to it: each row is one document.
struct Sequences {
    ConstView<std::int32_t, 2> ids;
    DocumentStarts starts{};  ///< [B, T]; empty: a row is one document

    Sequences() = default;
    Sequences(ConstView<std::int32_t, 2> token_ids, DocumentStarts document_starts = {})  // NOLINT: ids convert
        : ids(token_ids), starts(document_starts) {}
    Sequences(View<std::int32_t, 2> token_ids) : ids(token_ids) {}  // NOLINT: the same
    Sequences(const std::int32_t* data, Shape<2> shape) : ids(data, shape) {}
};

namespace detail {

/// Tells a layer or a block, before `forward`, where documents begin. It is told through its `Saved`, if that has
/// a member for it; else Error(unsupported) is thrown if documents are to be kept apart.
template <class Saved>
void set_starts(Saved& saved, DocumentStarts starts) {
    if constexpr (requires { saved.starts = starts; }) {
        saved.starts = starts;
    } else if (!starts.empty()) {
        throw Error(ErrorCode::unsupported, "documents",
                    "they cannot be kept apart: the `Saved` of a block, or of its attention, has no `starts`");
    }
}

}  // namespace detail

}  // namespace lapidary
