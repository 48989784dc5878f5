#pragma once

#include <lapidary/checkpoint/run_record.hpp>
#include <lapidary/train/digest_log.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace lapidary {

/// What a run has published of itself, for a replay to be compared with.
struct RunEvidence {
    RunRecord run;
    std::map<Index, DigestRecord> digests;      ///< by step
    std::string broken_chain;                   ///< where their chain does not hold; empty: it does
    std::map<Index, Json> metrics;              ///< the records of its steps, without times
    std::vector<CheckpointRecord> checkpoints;  ///< by step
};

namespace detail {

/// The parts of a step's record that repeat.
inline Json without_times(Json record) {
    record.erase("seconds");
    record.erase("tokens_per_second");
    return record;
}

}  // namespace detail

/// Reads it all. Throws Error(io), Error(format) naming file and line.
inline RunEvidence read_evidence(const std::filesystem::path& directory) {
    RunEvidence evidence;
    evidence.run = read_run(directory);
    const std::string manifest = (directory / "manifest.json").string();
    const Json definition = get<Json>(read_manifest(directory), "definition", manifest);
    DigestRecords digests = read_digests(directory / "digests.jsonl", definition);
    evidence.broken_chain = digests.broken;
    for (DigestRecord& record : digests.records) {
        const Index step = record.step;
        evidence.digests.emplace(step, std::move(record));
    }
    const std::filesystem::path file = directory / "metrics.jsonl";
    if (std::filesystem::exists(file)) {
        each_logged_line(file, [&](const Json& line, const std::string& where) {
            if (!line.contains("gradient_norm")) return;
            evidence.metrics[get<Index>(line, "step", where)] = detail::without_times(line);
        });
    }
    evidence.checkpoints = checkpoints_of(directory);
    return evidence;
}

}  // namespace lapidary
