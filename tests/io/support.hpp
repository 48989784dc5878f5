#pragma once

#include "catch.hpp"

#include <lapidary/core/error.hpp>
#include <lapidary/io/file.hpp>

#include <unistd.h>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace io_test {

/// A fresh directory, removed at the end of the scope.
class TemporaryDirectory {
public:
    TemporaryDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "lapidary_io_XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

inline void put(const std::filesystem::path& path, std::string_view contents) {
    lapidary::OutputFile file(path);
    file.write(contents);
    file.close();
}

/// The error that `action` throws, if any; other exceptions pass and fail the test.
template <class Action>
std::optional<lapidary::Error> error_of(Action action) {
    try {
        action();
    } catch (const lapidary::Error& error) {
        return error;
    }
    return std::nullopt;
}

/// Checks that `action` throws Error(code) with all the fragments, at least one, in its message.
template <class Action, class... Fragments>
void check_throws(lapidary::ErrorCode code, Action action, const Fragments&... fragments) {
    const std::optional<lapidary::Error> error = error_of(std::move(action));
    REQUIRE(error.has_value());
    const std::string message = error->what();
    INFO(message);
    CHECK(static_cast<int>(error->code()) == static_cast<int>(code));
    for (const std::string& fragment : {std::string(fragments)...})
        CHECK_THAT(message, ContainsSubstring(fragment));
}

inline std::size_t entries(const std::filesystem::path& directory) {
    const std::filesystem::directory_iterator first(directory);
    return static_cast<std::size_t>(std::distance(begin(first), end(first)));
}

}  // namespace io_test
