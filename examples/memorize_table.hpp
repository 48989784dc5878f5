#pragma once

#include "trace_report.hpp"

#include <lapidary/io/json.hpp>

#include <algorithm>
#include <cstdio>
#include <string>

/// A number in so many columns, or a dash.
inline std::string number_or_dash(const lapidary::Json& value, int digits, double factor = 1) {
    if (value.is_null()) return "-";
    char text[32];
    std::snprintf(text, sizeof text, "%.*f", digits, factor * value.get<double>());
    return text;
}

/// For people: a grid of memorization, what it comes to for each checkpoint, and the sequences known best.
inline void print_memorization(const lapidary::Json& report, std::size_t named) {
    using namespace lapidary;
    const Json& checkpoints = report["checkpoints"];
    std::size_t width = 10;
    for (const Json& one : checkpoints) width = std::max(width, one["name"].get_ref<const std::string&>().size());
    const auto name = [&](std::size_t c) {
        return checkpoints[c]["name"].get<std::string>() +
               std::string(width - checkpoints[c]["name"].get_ref<const std::string&>().size(), ' ');
    };
    std::printf("score: share of %ld tokens that a checkpoint writes as they follow %ld tokens of the data\n",
                report["continuation"].get<long>(), report["prefix"].get<long>());
    std::printf("mean score by chunk; (not yet seen), ~partly seen, ?not known\n%-*s", static_cast<int>(width),
                "chunk");
    for (const Json& chunk : report["chunks"]) std::printf(" %8ld", chunk.get<long>());
    for (std::size_t c = 0; c < checkpoints.size(); ++c) {
        std::printf("\n%s", name(c).c_str());
        for (const Json& cell : report["grid"][c]) {
            std::string score = number_or_dash(cell["mean_score"], 4);
            if (cell["seen"] == "none") score = "(" + score + ")";
            if (cell["seen"] == "part") score = "~" + score;
            if (cell["seen"].is_null()) score = "?" + score;
            score += cell["seen"] == "none" ? "" : " ";  // brackets stand outside of the column
            std::printf(" %8s", score.c_str());
        }
    }
    std::printf("\n\n%-*s %9s %6s %8s %8s %8s %8s %8s %9s %7s\n", static_cast<int>(width), "checkpoint", "step",
                "chunk", "score", "seen", "unseen", "whole %", "seen %", "precision", "recall");
    for (std::size_t c = 0; c < checkpoints.size(); ++c) {
        const Json& one = checkpoints[c];
        const Json nothing{{"mean_score", nullptr}, {"extractable", nullptr}};
        const Json& seen = one["seen"].is_null() ? nothing : one["seen"];
        const Json& unseen = one["unseen"].is_null() ? nothing : one["unseen"];
        std::printf("%s %9s %6s %8s %8s %8s %8s %8s %9s %7s\n", name(c).c_str(),
                    number_or_dash(one["step"], 0).c_str(), number_or_dash(one["latest_seen_chunk"], 0).c_str(),
                    number_or_dash(one["mean_score"], 4).c_str(), number_or_dash(seen["mean_score"], 4).c_str(),
                    number_or_dash(unseen["mean_score"], 4).c_str(),
                    number_or_dash(one["extractable"], 3, 100).c_str(),
                    number_or_dash(seen["extractable"], 3, 100).c_str(),
                    number_or_dash(report["prediction"][c]["precision"], 3).c_str(),
                    number_or_dash(report["prediction"][c]["recall"], 3).c_str());
    }
    std::printf(
        "whole: all tokens right, the sequence is extractable; precision, recall: of these as a prediction of "
        "the last checkpoint's\n\nbest known to %s:\n",
        checkpoints.back()["name"].get<std::string>().c_str());
    for (std::size_t i = 0; i < std::min(named, report["memorized"].size()); ++i) {
        const Json& one = report["memorized"][i];
        std::string when;
        if (!one["seen"].is_null()) {
            when = one["seen"].empty() ? ", not seen" : ", seen in step";
            for (const Json& step : one["seen"]) when += " " + std::to_string(step.get<long>());
        }
        std::printf("  %ld of %ld: chunk %ld row %ld, %s%s\n", one["matches"].back().get<long>(),
                    report["continuation"].get<long>(), one["chunk"].get<long>(), one["row"].get<long>(),
                    one["source"].get<std::string>().c_str(), when.c_str());
        if (one.contains("prefix_text")) {
            std::printf("    %s | %s\n", excerpt(one["prefix_text"].get<std::string>()).c_str(),
                        excerpt(one["continuation_text"].get<std::string>()).c_str());
        }
    }
}
