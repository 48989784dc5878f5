#pragma once

#include <lapidary/analysis/finding.hpp>
#include <lapidary/analysis/run_evidence.hpp>
#include <lapidary/data/token_chunks.hpp>
#include <lapidary/eval/checkpoint_list.hpp>
#include <lapidary/io/checksums.hpp>
#include <lapidary/io/sha256.hpp>

#include <filesystem>
#include <string>

namespace lapidary {

/// Compares the data of a run and its checkpoints with their hashes, and its record of states with itself, without
/// training. Throws Error(integrity) naming the first file that differs, Error(io), Error(format).
inline Finding verify_files(const std::filesystem::path& run, const std::filesystem::path& data) {
    const RunEvidence evidence = read_evidence(run);
    check_data(run, data, evidence.run.data);
    const TokenChunks chunks(data, {.batch_size = evidence.run.batch, .seed = evidence.run.seed});
    if (!evidence.broken_chain.empty()) throw Error(ErrorCode::integrity, "digests", evidence.broken_chain);
    Finding finding;
    std::string incomplete;
    for (const ListedCheckpoint& checkpoint : list_checkpoints(run / "checkpoints")) {
        if (!checkpoint.problem.empty()) {
            incomplete += (incomplete.empty() ? "" : ", ") + checkpoint.directory.filename().string() + " " +
                          checkpoint.problem;
            continue;
        }
        verify_checksums(checkpoint.directory);
        ++finding.checkpoints;
    }
    finding.text = std::to_string(chunks.chunk_count()) + " chunks and " + std::to_string(finding.checkpoints) +
                   " checkpoints match their hashes, the chain of " + std::to_string(evidence.digests.size()) +
                   " recorded states is whole";
    if (!incomplete.empty()) finding.text += "; passed over: " + incomplete;
    return finding;
}

}  // namespace lapidary
