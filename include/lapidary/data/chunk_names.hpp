#pragma once

#include <lapidary/core/shape.hpp>

#include <algorithm>
#include <string>

namespace lapidary {

// The files of a prepared directory.
inline constexpr const char* data_manifest = "data.json";
inline constexpr const char* data_format = "lapidary data 2";
inline constexpr const char* validation_file = "valid.safetensors";
inline constexpr const char* documents_file = "documents.safetensors";

/// `chunk_007.safetensors`: at least three digits.
inline std::string chunk_file(Index chunk) {
    const std::string digits = std::to_string(chunk);
    return "chunk_" + std::string(3 - std::min<std::size_t>(digits.size(), 3), '0') + digits + ".safetensors";
}

}  // namespace lapidary
