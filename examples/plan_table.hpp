#pragma once

#include "plan_options.hpp"
#include "rank_memory.hpp"

#include <lapidary/io/json.hpp>

#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

/// One level of sharding: what a rank keeps and how long a step takes.
struct Level {
    int zero;
    lapidary::RankPlan plan;
    lapidary::StepTime time;
    Memory memory;
    lapidary::LevelPlan recompute;

    [[nodiscard]] lapidary::Flow sent() const {
        lapidary::Flow flow;
        for (const auto& traffic : plan.traffic) flow += traffic.all.sent;
        return flow;
    }
};

/// The levels of sharding side by side, of a step of so many tokens; `run`: tokens of the whole run, or 0.
inline void print_levels(const std::vector<Level>& levels, const Hardware& on, double tokens, double run) {
    using Value = std::function<double(const Level&)>;
    const auto row = [&](const std::string& name, const char* format, const Value& value) {
        std::printf("%-28s", name.c_str());
        for (const Level& level : levels) std::printf(format, value(level));
        std::printf("\n");
    };
    const auto kinds = [&](const char* format, const auto& value) {
        for (std::size_t i = 0; i < lapidary::exchange_kinds; ++i) {
            const std::string name(lapidary::exchange_names[i]);
            row("  " + name, format, [&](const Level& level) { return value(level, i); });
        }
    };
    row("", "    ZeRO-%.0f", [](const Level& level) { return static_cast<double>(level.zero); });
    std::printf("%-28s", "recomputed");
    for (const Level& level : levels) std::printf(" %9.9s", lapidary::name_of(level.recompute.level).c_str());
    std::printf("\n");
    row("memory a rank, GB", "%10.4g", [](const Level& level) { return total(level.memory) / 1e9; });
    for (std::size_t i = 0; i < levels.front().memory.size(); ++i) {
        const std::string name = "  " + levels.front().memory[i].first;
        row(name, "%10.4g", [&](const Level& level) { return level.memory[i].second / 1e9; });
    }
    row("  of that of one device, %", "%10.3g",
        [&](const Level& level) { return 100 * total(level.memory) / on.memory; });
    const auto gigabytes = [](const lapidary::Flow& flow) { return static_cast<double>(flow.bytes) / 1e9; };
    row("sent by a rank a step, GB", "%10.4g", [&](const Level& level) { return gigabytes(level.sent()); });
    kinds("%10.4g", [&](const Level& level, std::size_t i) { return gigabytes(level.plan.traffic[i].all.sent); });
    row("  messages", "%10.0f", [](const Level& level) { return static_cast<double>(level.sent().messages); });
    row("exchanges, s a step", "%10.4g", [](const Level& level) { return level.time.communication(); });
    kinds("%10.4g", [](const Level& level, std::size_t i) { return level.time.exchanges[i]; });
    row("  of it beside computation", "%10.4g", [](const Level& level) { return level.time.hidden; });
    row("computation, s a step", "%10.4g", [](const Level& level) { return level.time.computation; });
    row("a step, s", "%10.4g", [](const Level& level) { return level.time.overlapped(); });
    row("  one after the other", "%10.4g", [](const Level& level) { return level.time.one_after_the_other(); });
    row("tokens/s of all ranks", "%10.4g", [&](const Level& level) { return tokens / level.time.overlapped(); });
    const auto slower = [&](const Level& level) { return tokens / level.time.one_after_the_other(); };
    row("  one after the other", "%10.4g", slower);
    const auto days = [&](const Level& level) { return run / tokens * level.time.overlapped() / 86400; };
    if (run > 0) row("days", "%10.4g", days);
}

/// The same for programs.
inline lapidary::Json levels_json(const std::vector<Level>& levels, double tokens, double run) {
    lapidary::Json all = lapidary::Json::array();
    for (const Level& level : levels) {
        lapidary::Json memory, exchanges;
        for (const auto& [category, bytes] : level.memory) memory[category] = bytes;
        for (std::size_t i = 0; i < lapidary::exchange_kinds; ++i) {
            const lapidary::Traffic& traffic = level.plan.traffic[i].all;
            exchanges[std::string(lapidary::exchange_names[i])] = {
                {"sent_bytes", traffic.sent.bytes},
                {"sent_messages", traffic.sent.messages},
                {"received_bytes", traffic.received.bytes},
                {"received_messages", traffic.received.messages},
                {"seconds", level.time.exchanges[i]}};
        }
        all.push_back({{"zero", level.zero},
                       {"recompute", lapidary::name_of(level.recompute.level)},
                       {"memory_bytes", memory},
                       {"exchanges", exchanges},
                       {"seconds",
                        {{"computation", level.time.computation},
                         {"exchanges", level.time.communication()},
                         {"hidden", level.time.hidden},
                         {"step", level.time.overlapped()}}},
                       {"tokens_per_second", tokens / level.time.overlapped()}});
        if (run > 0) all.back()["days"] = run / tokens * level.time.overlapped() / 86400;
    }
    return all;
}
