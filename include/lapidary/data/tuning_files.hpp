#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/data/input_files.hpp>
#include <lapidary/data/record_reader.hpp>
#include <lapidary/io/json_parse.hpp>
#include <lapidary/io/sha256.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// How files of conversations or preferences are read.
struct TuningReadOptions {
    BadDocuments on_bad = BadDocuments::fail;  ///< of faulty records, and of files that are there twice
    Decoding decoding = as_stored;             ///< `decoded` where there may be other than plain files
    std::size_t max_record_bytes = default_max_line_bytes;
    /// Called with the bytes of all files that are read and those there are.
    std::function<void(Index done, Index total)> progress{};
};

/// A file, as a manifest records it.
struct TuningInput {
    std::filesystem::path file{};
    Index bytes = 0;       ///< as stored
    std::string sha256{};  ///< of these
    Index taken = 0;       ///< records that became items
    RecordFaultCounts faults{};

    [[nodiscard]] Json json() const {
        return {{"file", file.string()},
                {"bytes", bytes},
                {"sha256", sha256},
                {"taken", taken},
                {"faults", faults.json()}};
    }
};

/// What several files hold, in the order of the files.
template <class T>
struct TuningRecords {
    std::vector<T> items{};
    std::vector<std::string> places{};  ///< of each item: `file:line (record n)`
    std::vector<TuningInput> inputs{};
    std::vector<std::string> repeated{};  ///< files left out: a second time the same file, or the same bytes

    /// Records left out, of all files.
    [[nodiscard]] RecordFaultCounts faults() const {
        RecordFaultCounts all;
        for (const TuningInput& input : inputs) all += input.faults;
        return all;
    }
};

/// Reads the files that patterns name (as those of a recipe: matches sorted by their bytes) one after the other.
/// Throws as `find_inputs` and `RecordReader` do.
template <class T>
TuningRecords<T> read_tuning_files(const std::vector<std::string>& patterns,
                                   const typename RecordReader<T>::Read& read,
                                   const TuningReadOptions& options = {}) {
    Recipe recipe{.on_bad = options.on_bad};
    recipe.sources.push_back({.name = "data", .files = patterns});
    const InputFiles found = find_inputs(recipe);
    TuningRecords<T> records{.repeated = found.repeated};
    Index done = 0;
    for (const InputFile& file : found.files) {
        Sha256 hash;
        const auto hashed = [&](std::unique_ptr<ByteSource> bytes, const std::string& name) {
            return options.decoding(std::make_unique<HashedSource>(std::move(bytes), hash), name);
        };
        RecordReader<T> reader(file.path, read, options.on_bad, hashed, options.max_record_bytes);
        for (T item; reader.next(item);) {
            records.items.push_back(std::move(item));
            records.places.push_back(reader.where());
            if (options.progress) options.progress(done + static_cast<Index>(reader.consumed()), found.bytes);
        }
        const auto bytes = static_cast<Index>(reader.consumed());
        records.inputs.push_back({file.path, bytes, hash.hex(), reader.taken(), reader.faults()});
        done += bytes;
        if (options.progress) options.progress(done, found.bytes);
    }
    return records;
}

/// The conversations of files; see `read_tuning_files` and `read_conversation`.
inline TuningRecords<Conversation> read_conversations(const std::vector<std::string>& patterns,
                                                      const ConversationRules& rules = {},
                                                      const TuningReadOptions& options = {}) {
    return read_tuning_files<Conversation>(
        patterns,
        [&](const Json& record, const std::string& where) { return read_conversation(record, where, rules); },
        options);
}

/// The preferences of files; see `read_tuning_files` and `read_preference`.
inline TuningRecords<Preference> read_preferences(const std::vector<std::string>& patterns,
                                                  const PreferenceRules& rules = {},
                                                  const TuningReadOptions& options = {}) {
    return read_tuning_files<Preference>(
        patterns,
        [&](const Json& record, const std::string& where) { return read_preference(record, where, rules); },
        options);
}

}  // namespace lapidary
