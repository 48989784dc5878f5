#pragma once

#include <lapidary/analysis/checkpoint_digest.hpp>
#include <lapidary/analysis/section.hpp>
#include <lapidary/eval/checkpoint_list.hpp>
#include <lapidary/train/digest_log.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace lapidary {

namespace detail {

/// Every checkpoint with its hashes, and what is wrong with those that are not whole.
inline Json checkpoints_json(const std::vector<ListedCheckpoint>& checkpoints) {
    Json list = Json::array();
    for (const ListedCheckpoint& one : checkpoints) {
        Json entry{{"name", one.directory.filename().string()}, {"step", one.order}};
        if (!one.problem.empty()) {
            entry["problem"] = one.problem;
        } else {
            const auto hashes = checkpoint_hashes(one.directory);
            entry["sha256"] = checkpoint_digest(one.directory);
            entry["files"] = hashes.size();
            const auto weights = hashes.find("model.safetensors");
            entry["weights"] = weights == hashes.end() ? Json() : Json(weights->second);
        }
        list.push_back(std::move(entry));
    }
    return list;
}

/// The end of the chain of digests, which commits to all states before it; `broken`: where it does not hold.
inline Json last_digest(const std::filesystem::path& run, const Json& definition) {
    const DigestRecords digests = read_digests(run / "digests.jsonl", definition);
    if (digests.records.empty()) {
        return missing_section("No chain of digests: `pretrain --run RUN` writes digests.jsonl.");
    }
    return {{"links", digests.records.size()},
            {"step", digests.records.back().step},
            {"chain", digests.records.back().chain},
            {"broken", digests.broken}};
}

}  // namespace detail

/// What somebody needs who wants to compute the run again, and what came of it when somebody did. Throws
/// Error(io), Error(format), Error(integrity) naming the file.
inline Json record_section(const std::filesystem::path& run, const Json& manifest,
                           const std::vector<ListedCheckpoint>& checkpoints) {
    Json result{{"definition", detail::exact_in_script(detail::member(manifest, "definition"))},
                {"details", detail::member(manifest, "details")},
                {"checkpoints", detail::checkpoints_json(checkpoints)},
                {"digests", detail::last_digest(run, detail::member(manifest, "definition"))}};
    const Json decisions = detail::member(manifest, "decisions");
    result["decisions"] = decisions.is_array() ? decisions : Json::array();
    const auto verification =
        detail::read_if_there(run / "analysis" / "verification.json", "lapidary verification 1");
    if (verification) {
        const std::string where = (run / "analysis" / "verification.json").string();
        for (const Json& one : get<std::vector<Json>>(*verification, "records", where)) {
            static_cast<void>(get<std::string>(one, "verdict", where));
        }
    }
    result["verification"] = verification
                                 ? *verification
                                 : detail::missing_section(
                                       "Nothing was replayed yet: `verify --run RUN` computes an interval "
                                       "again and writes analysis/verification.json.");
    return result;
}

}  // namespace lapidary
