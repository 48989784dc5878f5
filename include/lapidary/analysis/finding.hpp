#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/io/json_value.hpp>

#include <string>

namespace lapidary {

/// What a verification found.
struct Finding {
    bool passed = true;
    Index from = 0, to = 0;  ///< steps that were replayed: [from, to)
    Index step = -1;         ///< where a replay first differs; -1: it does not, or the difference has no step
    std::string leaf{};      ///< which parameter differs first, if it is one
    std::string text{};      ///< for people
    Index records = 0;       ///< records of steps that were compared
    Index states = 0;        ///< recorded states that were compared
    Index checkpoints = 0;   ///< checkpoints that were compared
};

inline Json to_json(const Finding& finding) {
    Json json = {{"verdict", finding.passed ? "PASS" : "FAIL"},
                 {"from", finding.from},
                 {"to", finding.to},
                 {"steps", finding.to - finding.from},
                 {"finding", finding.text},
                 {"records_compared", finding.records},
                 {"states_compared", finding.states},
                 {"checkpoints_compared", finding.checkpoints}};
    if (finding.step >= 0) json["step"] = finding.step;
    if (!finding.leaf.empty()) json["leaf"] = finding.leaf;
    return json;
}

}  // namespace lapidary
