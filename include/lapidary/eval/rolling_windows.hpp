#pragma once

#include <lapidary/eval/token_request.hpp>

#include <algorithm>
#include <vector>

namespace lapidary {

/// A text as requests that together ask for each of its tokens once: the first window begins behind `prefix`, each
/// further one behind the token before it, and the last reaches back as far as the model's `context` lets it.
///
/// Source: LM Evaluation Harness 0.4.13, utils.py (`get_rolling_token_windows` with a context of 1,
/// `make_disjoint_window`).
inline std::vector<TokenRequest> rolling_windows(const std::vector<TokenId>& tokens, TokenId prefix,
                                                 Index context) {
    std::vector<TokenRequest> windows;
    const auto size = static_cast<Index>(tokens.size());
    const auto at = [&](Index i) { return tokens.begin() + i; };
    if (size == 0) return windows;
    Index done = std::min(context, size);
    windows.push_back({{prefix}, {at(0), at(done)}});
    while (done < size) {
        const Index count = std::min(context, size - done), end = done + count;
        windows.push_back({{at(end - context - 1), at(done)}, {at(done), at(end)}});
        done = end;
    }
    return windows;
}

}  // namespace lapidary
