#pragma once

#include <lapidary/core/shape.hpp>

#include <cstdint>

namespace lapidary {

/// Where a window starts.
struct WindowOrigin {
    std::int64_t document = 0;  ///< row in `documents.safetensors`
    std::int64_t offset = 0;    ///< tokens of that document before the window
    std::int32_t source = 0;    ///< what the document counts as, an index into the manifest's names
    std::int32_t epoch = 0;     ///< which time that this window is seen, counted from 0
};

}  // namespace lapidary
