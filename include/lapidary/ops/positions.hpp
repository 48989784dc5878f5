#pragma once

#include <lapidary/core/view.hpp>

#include <cstdint>

namespace lapidary {

/// Where documents begin that were packed into one window: [B, T] in a device's memory, of each token the first
/// position of its window that it may attend to, so 0 <= starts[b][t] <= t, and not below starts[b][t - 1]. Empty:
/// all of a window is one document.
using DocumentStarts = ConstView<std::int32_t, 2>;

/// Where tokens [B, T] stand: token t of a sequence at `first` + t or, where there are starts, so many positions
/// behind the first token of its document. A position alone converts to it.
struct Positions {
    Index first = 0;
    DocumentStarts starts{};

    Positions() = default;
    Positions(Index first_position, DocumentStarts document_starts = {})  // NOLINT: mostly there is just the first
        : first(first_position), starts(document_starts) {}

    /// Of one token. For devices whose memory is the host's.
    [[nodiscard]] Index of(Index b, Index t) const {
        return first + t - (starts.empty() ? 0 : Index{starts.at(b)[t]});
    }
};

}  // namespace lapidary
