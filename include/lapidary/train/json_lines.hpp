#pragma once

#include <lapidary/io/file.hpp>
#include <lapidary/io/json.hpp>
#include <lapidary/train/record.hpp>

#include <concepts>
#include <filesystem>
#include <string>
#include <system_error>

namespace lapidary {

/// A record as one JSON object. Time and speed stand last, so that the part before is equal between replays.
/// `more`: what else was measured.
inline Json to_json(const StepRecord& record, const Json& more = Json::object()) {
    Json json = {{"step", record.step},
                 {"tokens", record.tokens},
                 {"loss", record.loss},
                 {"learning_rate", record.learning_rate},
                 {"gradient_norm", record.gradient_norm},
                 {"chunk", record.chunk},
                 {"chunk_finished", record.chunk_finished}};
    json.update(more);
    if (!record.applied) json["applied"] = false;
    json.update({{"seconds", record.seconds}, {"tokens_per_second", record.tokens_per_second()}});
    return json;
}

/// A log of records, one JSON object a line. Opening it for a run that resumes at `step` drops the records from
/// there on: they are written again.
class JsonLines {
public:
    /// Throws Error(io). A last line cut off by a crash is dropped too.
    JsonLines(const std::filesystem::path& path, Index step) : file_(path, keep(path, step)) {}

    /// Appends a line and hands it to the operating system.
    void write(const Json& line) { file_.write(line.dump() + "\n"); }
    template <class Record>
        requires std::derived_from<Record, StepRecord>
    JsonLines& operator<<(const Record& record) {
        write(to_json(record));
        return *this;
    }

    /// Returns when the disk has all lines: call it before what depends on them, as a checkpoint does, which
    /// stands for the steps before it. Throws Error(io).
    void sync() { file_.sync(); }

private:
    static bool before(const std::string& line, Index step) {
        const Json record = Json::parse(line, nullptr, false);
        return record.is_object() && record.contains("step") && record["step"].is_number_integer() &&
               record["step"].get<Index>() < step;
    }

    static OpenMode keep(const std::filesystem::path& path, Index step) {
        std::string kept;
        std::error_code error;
        if (std::filesystem::exists(path, error)) {
            const std::string text = read_text(path);
            for (std::size_t start = 0, end = 0; (end = text.find('\n', start)) != std::string::npos;
                 start = end + 1) {
                const std::string line = text.substr(start, end - start);
                if (before(line, step)) kept += line + "\n";
            }
        }
        write_file_durably(path, kept);
        return OpenMode::append;
    }

    OutputFile file_;
};

}  // namespace lapidary
