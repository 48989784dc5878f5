#pragma once

#include <lapidary/io/json.hpp>

#include <filesystem>
#include <optional>
#include <string>

/// The template that a model was fine-tuned with, where its checkpoint says so.
inline std::optional<std::string> recorded_template(const std::filesystem::path& model) {
    const std::filesystem::path file = model / "state" / "state.json";
    std::error_code error;
    if (!std::filesystem::exists(file, error)) return std::nullopt;
    const auto cursor = lapidary::get<lapidary::Json>(lapidary::read_json(file), "cursor", file.string());
    if (!cursor.is_object() || !cursor.contains("template")) return std::nullopt;
    return lapidary::get<std::string>(cursor, "template", file.string() + ": cursor");
}
