#pragma once

// The one place where the version is written; CMake reads these three lines.
#define LAPIDARY_VERSION_MAJOR 0
#define LAPIDARY_VERSION_MINOR 1
#define LAPIDARY_VERSION_PATCH 0

namespace lapidary {

inline constexpr const char* version = "0.1.0";

}  // namespace lapidary
