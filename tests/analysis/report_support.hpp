#pragma once

#include "io/support.hpp"

#include <lapidary/core/shape.hpp>
#include <lapidary/io/json.hpp>

#include <filesystem>
#include <string>

namespace lapidary::test {

using io_test::check_throws;
using io_test::TemporaryDirectory;

inline void put(const std::filesystem::path& file, const std::string& text) {
    std::filesystem::create_directories(file.parent_path());
    write_file_durably(file, text);
}

/// A line of metrics.jsonl: a step of ten tokens that took half a second, with a loss.
inline std::string step_line(Index step, const std::string& loss = "2.5") {
    return R"({"step":)" + std::to_string(step) + R"(,"tokens":10,"loss":)" + loss +
           R"(,"learning_rate":0.001,"gradient_norm":1.5,"chunk":0,"chunk_finished":false,"seconds":0.5,)" +
           "\"tokens_per_second\":20.0}\n";
}

}  // namespace lapidary::test
