#pragma once

#include <lapidary/io/json_value.hpp>

#include <cstdio>
#include <string>

/// Says on stderr which checkpoints of a series a program has passed over, and why.
inline void warn_of_skipped(const char* program, const lapidary::Json& skipped) {
    if (skipped.empty()) return;
    std::fprintf(stderr, "%s: warning: %zu checkpoints skipped:\n", program, skipped.size());
    for (const lapidary::Json& one : skipped) {
        std::fprintf(stderr, "  %s: %s\n", one["directory"].get<std::string>().c_str(),
                     one["reason"].get<std::string>().c_str());
    }
}
