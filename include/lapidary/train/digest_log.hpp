#pragma once

#include <lapidary/io/sha256.hpp>
#include <lapidary/train/json_lines.hpp>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lapidary {

/// The state after a step, as `run/digests.jsonl` records it.
struct DigestRecord {
    Index step = 0;
    std::string chain;                  ///< SHA-256 over the record before and this one, 64 hexadecimal digits
    std::vector<std::uint64_t> leaves;  ///< `state_digest` after the step
};

namespace detail {

inline std::string hex(std::span<const std::uint64_t> words) {
    std::string text;
    for (const std::uint64_t word : words) {
        for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[(word >> shift) & 15U];
    }
    return text;
}

inline std::string chain_text(std::string_view text) { return sha256_hex(std::as_bytes(std::span(text))); }

}  // namespace detail

/// What the chain of a run begins with.
inline std::string chain_start(const Json& definition) { return detail::chain_text(definition.dump()); }

/// The link after `previous`: who publishes the last one has committed to all before it.
inline std::string chain_after(const std::string& previous, Index step, std::span<const std::uint64_t> leaves) {
    return detail::chain_text(previous + " " + std::to_string(step) + " " + detail::hex(leaves));
}

/// What `run/digests.jsonl` holds.
struct DigestRecords {
    std::vector<DigestRecord> records;  ///< by step
    std::string broken;                 ///< where the chain does not hold, for people; empty: it does
};

/// Reads it; nothing if there is no such file. A last line that a crash cut off does not count. `definition`: of
/// the run, with which the chain begins. Throws Error(io), Error(format) naming the line for what is no record or
/// comes before the one above it.
inline DigestRecords read_digests(const std::filesystem::path& file, const Json& definition) {
    DigestRecords result;
    auto& records = result.records;
    if (!std::filesystem::exists(file)) return result;
    std::string previous = chain_start(definition);
    each_logged_line(file, [&](const Json& json, const std::string& where) {
        DigestRecord record{get<Index>(json, "step", where), get<std::string>(json, "chain", where), {}};
        const auto leaves = get<std::string>(json, "leaves", where);
        const auto refuse = [&](const char* what) {
            throw Error(ErrorCode::format, "digests", where + ": " + what);
        };
        if (leaves.size() % 16 != 0 || leaves.find_first_not_of("0123456789abcdef") != std::string::npos) {
            refuse("'leaves' are not numbers of 16 hexadecimal digits");
        }
        for (std::size_t i = 0; i < leaves.size(); i += 16) {
            record.leaves.push_back(std::stoull(leaves.substr(i, 16), nullptr, 16));
        }
        if (!records.empty() && record.step <= records.back().step) refuse("the step is not after the one above");
        if (result.broken.empty() && record.chain != chain_after(previous, record.step, record.leaves)) {
            result.broken = where + ": the chain does not follow from " +
                            (records.empty() ? "the definition in manifest.json" : "the line above") +
                            ": one of them was changed";
        }
        previous = record.chain;
        records.push_back(std::move(record));
    });
    return result;
}

/// Writes `run/digests.jsonl`.
class DigestLog {
public:
    /// Goes on at `step`: later records are dropped. Throws as `read_digests`, and Error(integrity) where the
    /// chain does not hold.
    DigestLog(const std::filesystem::path& file, const Json& definition, Index step)
        : lines_(file, step), chain_(chain_start(definition)) {
        const DigestRecords kept = read_digests(file, definition);
        if (!kept.broken.empty()) throw Error(ErrorCode::integrity, "digests", kept.broken);
        if (!kept.records.empty()) chain_ = kept.records.back().chain;
    }

    void add(Index step, std::span<const std::uint64_t> leaves) {
        chain_ = chain_after(chain_, step, leaves);
        lines_.write({{"step", step}, {"chain", chain_}, {"leaves", detail::hex(leaves)}});
    }
    void sync() { lines_.sync(); }

private:
    JsonLines lines_;
    std::string chain_;
};

}  // namespace lapidary
