#pragma once

#include <CLI/CLI.hpp>

#include <cmath>
#include <limits>
#include <string>

/// A number from `least` to `most`, and neither NaN nor, unless `most` allows it, infinite. `least` itself may be
/// left out.
inline CLI::Validator number_in(double least, double most = std::numeric_limits<double>::max(),
                                bool open = false) {
    char range[64];
    std::snprintf(range, sizeof range, "%s%g", open ? "> " : ">= ", least);
    std::string what = range;
    if (most < std::numeric_limits<double>::max()) {
        std::snprintf(range, sizeof range, " and <= %g", most);
        what += range;
    }
    return CLI::Validator(
        [=](std::string& text) {
            double value = 0;
            const bool fits =
                CLI::detail::lexical_cast(text, value) && value <= most && (open ? value > least : value >= least);
            return fits ? std::string() : text + " must be " + what;
        },
        "");
}
inline CLI::Validator positive() { return number_in(0, std::numeric_limits<double>::max(), true); }
