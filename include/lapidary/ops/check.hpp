#pragma once

#include <lapidary/core/view.hpp>

#include <string>
#include <string_view>

namespace lapidary::detail {

/// The extents of a view, as text for messages.
template <class T, std::size_t Rank>
std::string extents(const View<T, Rank>& view) {
    return to_string(view.shape);
}

/// Throws Error(shape) with the sentence built by `message()` unless `holds`. The sentence is only built on
/// failure.
template <class Message>
void require_shape(bool holds, std::string_view operation, Message&& message) {
    if (!holds) throw Error(ErrorCode::shape, operation, message());
}

/// Two views must have the same extents.
template <class T, class U, std::size_t Rank>
void require_same(std::string_view operation, std::string_view name_a, const View<T, Rank>& a,
                  std::string_view name_b, const View<U, Rank>& b) {
    require_shape(a.shape == b.shape, operation, [&] {
        return std::string(name_a) + " is " + extents(a) + ", " + std::string(name_b) + " is " + extents(b);
    });
}

}  // namespace lapidary::detail
