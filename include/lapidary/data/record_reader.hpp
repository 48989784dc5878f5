#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/data/byte_source.hpp>
#include <lapidary/data/conversation_records.hpp>
#include <lapidary/data/json_records.hpp>
#include <lapidary/data/preference_records.hpp>
#include <lapidary/data/recipe.hpp>
#include <lapidary/data/record_faults.hpp>
#include <lapidary/io/json.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace lapidary {

/// The conversations or preferences of a file, a JSON array or JSON Lines, in order, one at a time; memory is that
/// of one record. A faulty record is an Error(format) naming file, line and record, or is left out and counted, as
/// `on_bad` says; one that the labels leave undecided is always counted. A damaged array or compressed stream is
/// an error in any case: nothing behind the damage can be read.
template <class T>
class RecordReader {
public:
    using Item = T;
    /// Makes one of a parsed record; throws BadRecord, or Error(format) for a field that is not as it should be.
    using Read = std::function<T(const Json& record, const std::string& where)>;

    /// `decoding`: `decoded` where there may be other than plain files. Throws Error(io).
    RecordReader(const std::filesystem::path& file, Read read, BadDocuments on_bad = BadDocuments::fail,
                 const Decoding& decoding = as_stored, std::size_t max_record_bytes = default_max_line_bytes)
        : records_(decoding(std::make_unique<FileSource>(file), file.string()), file.string(), max_record_bytes),
          read_(std::move(read)),
          on_bad_(on_bad) {}

    /// Puts the next one into `item`; false after the last.
    bool next(T& item) {
        for (std::string text;;) {
            const auto found = records_.read(text);
            if (found == JsonRecords::Found::end) return false;
            std::optional<T> result = found == JsonRecords::Found::too_long
                                          ? left_out(RecordFault::too_long, records_.too_long())
                                          : parsed(text);
            if (!result) continue;
            item = std::move(*result);
            ++taken_;
            return true;
        }
    }

    /// What was left out so far.
    [[nodiscard]] const RecordFaultCounts& faults() const { return faults_; }
    /// How many were given out.
    [[nodiscard]] Index taken() const { return taken_; }
    /// `file:line (record n)` of the record read last.
    [[nodiscard]] std::string where() const { return records_.where(); }
    /// Bytes of the file taken so far, for progress.
    [[nodiscard]] std::uint64_t consumed() const { return records_.consumed(); }

private:
    std::optional<T> parsed(const std::string& text) {
        Json record;
        try {
            record = parse_json(text, "not JSON");
        } catch (const Error& error) {
            const std::string why = error.what();  // [json] not JSON: line 1 column 2: ...
            return left_out(RecordFault::malformed, why.substr(why.find("not JSON")));
        }
        try {
            return read_(record, records_.where());
        } catch (const BadRecord& bad) {
            if (bad.fault() != RecordFault::undecided && on_bad_ == BadDocuments::fail) throw;
            ++faults_[bad.fault()];
        } catch (const Error& error) {
            if (error.code() != ErrorCode::format || on_bad_ == BadDocuments::fail) throw;
            ++faults_[RecordFault::missing_field];
        }
        return std::nullopt;
    }
    std::optional<T> left_out(RecordFault fault, const std::string& why) {
        if (on_bad_ == BadDocuments::fail) throw BadRecord(fault, records_.where(), why);
        ++faults_[fault];
        return std::nullopt;
    }

    JsonRecords records_;
    Read read_;
    BadDocuments on_bad_;
    RecordFaultCounts faults_;
    Index taken_ = 0;
};

/// The conversations of a file; see `read_conversation` and `RecordReader`.
inline RecordReader<Conversation> open_conversations(const std::filesystem::path& file,
                                                     const ConversationRules& rules = {},
                                                     BadDocuments on_bad = BadDocuments::fail,
                                                     const Decoding& decoding = as_stored) {
    const auto read = [rules](const Json& record, const std::string& where) {
        return read_conversation(record, where, rules);
    };
    return {file, read, on_bad, decoding};
}

/// The preferences of a file; see `read_preference` and `RecordReader`.
inline RecordReader<Preference> open_preferences(const std::filesystem::path& file,
                                                 const PreferenceRules& rules = {},
                                                 BadDocuments on_bad = BadDocuments::fail,
                                                 const Decoding& decoding = as_stored) {
    const auto read = [rules](const Json& record, const std::string& where) {
        return read_preference(record, where, rules);
    };
    return {file, read, on_bad, decoding};
}

}  // namespace lapidary
