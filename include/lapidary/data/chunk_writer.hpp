#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/philox.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/chunk_counts.hpp>
#include <lapidary/data/chunk_names.hpp>
#include <lapidary/data/window_packer.hpp>
#include <lapidary/data/window_spill.hpp>
#include <lapidary/io/json.hpp>
#include <lapidary/io/output_file.hpp>
#include <lapidary/io/safetensors.hpp>
#include <lapidary/io/sha256.hpp>
#include <lapidary/io/staged_directory.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

struct ChunkOptions {
    Index chunks = 360;
    Index context = 2048;
    Index vocabulary = 32000;
    TokenId eos = 2;
    std::vector<std::string> sources;  ///< names; a window's source is an index into these
    double validation = 0.0;           ///< share of the windows that is held out, in [0, 1)
    std::uint64_t seed = 11111;        ///< of the held-out draw
};

/// Deals windows to chunk files as AMBER's data preparation does, reproducibly and with the origin of each kept.
///
/// For every source: window number w is held out for validation if the draw Philox(seed, "validation", source)
/// at w is below `validation`; of the others the i-th goes to chunk i mod N; an incomplete last round is dropped,
/// so all chunks hold the same number of windows of every source. Inside a chunk the windows lie in the order
/// they came (training shuffles). The result depends on the windows and the options alone.
///
/// Written, and published as one directory that appears complete or not at all:
/// - `chunk_000.safetensors` ..., `valid.safetensors`: `document` and `offset` [n] I64, `tokens` [n, context + 1]
///   U16 (U32 above 65536 entries), `source` [n] U16; context, vocabulary, eos and sources as metadata;
/// - `documents.jsonl`: ordinal, source, file, line and tokens of every document;
/// - `data.json`: options, counts, and the SHA-256 of every other file.
///
/// Memory: N windows for each source, and 18 bytes for each window of one chunk.
class ChunkWriter {
public:
    /// Throws Error(value) for options outside their domain, Error(io).
    ChunkWriter(const std::filesystem::path& directory, ChunkOptions options)
        : options_(check(std::move(options))),
          name_(directory.string()),
          directory_(directory),
          documents_(directory_.path() / documents_file),
          counts_(options_.sources.size()),
          round_(options_.sources.size()) {
        for (std::size_t s = 0; s < counts_.size(); ++s) counts_[s].name = options_.sources[s];
        if (std::filesystem::exists(std::filesystem::symlink_status(directory))) {
            throw Error(ErrorCode::value, "chunks", name_ + ": exists already and is not overwritten");
        }
        const std::filesystem::path& folder = directory_.path();
        if (options_.vocabulary <= 65536) {
            narrow_.emplace(folder, options_.context);
        } else {
            wide_.emplace(folder, options_.context);
        }
    }

    /// Records a document; call it for each that the windows come from.
    void add_document(const TokenizedDocument& document) {
        SourceCounts& counts = counts_of(document.source);
        counts.documents += 1;
        counts.tokens += static_cast<Index>(document.tokens.size());
        const Json record{{"document", document.ordinal},
                          {"source", counts.name},
                          {"file", document.file},
                          {"line", document.line},
                          {"tokens", document.tokens.size()}};
        trace_ += record.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
        if (trace_.size() > (std::size_t{1} << 20)) flush_trace();
    }

    /// Takes the next window of its source. Throws Error(shape) for a wrong length and Error(value) for a token
    /// outside the vocabulary, naming document and offset.
    void add(Window window) {
        check(window);
        const auto source = static_cast<std::size_t>(window.source);
        SourceCounts& counts = counts_of(window.source);
        const Philox draw(options_.seed, "validation", source);
        const bool held_out = draw.uniform(static_cast<std::uint64_t>(counts.windows)) < options_.validation;
        counts.windows += 1;
        if (held_out) {
            counts.validation += 1;
            append(window, true);
            return;
        }
        std::vector<Window>& round = round_[source];
        round.push_back(std::move(window));
        if (static_cast<Index>(round.size()) < options_.chunks) return;
        for (const Window& one : round) append(one, false);
        counts.training += options_.chunks;
        round.clear();
    }

    /// Copies a file into the directory, under the name it has or `name`.
    void add_file(const std::filesystem::path& file, const std::string& name) {
        write_file_durably(directory_.path() / name, read_text(file));
        files_.push_back(name);
    }

    /// Writes the chunks and the manifest, with `provenance` (recipe, inputs, tokenizer, ...) in it, and publishes
    /// the directory. Throws Error(value) if there was no document, or no source has as many windows as there are
    /// chunks; then, as after any other error, no directory appears.
    ChunkCounts finish(const Json& provenance = Json::object()) {
        const ChunkCounts counts = finish_counts();
        flush_trace();
        documents_.sync();
        documents_.close();
        if (narrow_) write_chunks(*narrow_, counts.windows_per_chunk);
        if (wide_) write_chunks(*wide_, counts.windows_per_chunk);
        narrow_.reset();
        wide_.reset();
        write_manifest(counts, provenance);
        directory_.publish();
        return counts;
    }

private:
    template <class Token>
    struct Spills {
        Spills(const std::filesystem::path& folder, Index context)
            : training(folder / "training.spill", context), validation(folder / "validation.spill", context) {}
        detail::WindowSpill<Token> training;
        detail::WindowSpill<Token> validation;
    };

    static ChunkOptions check(ChunkOptions options) {
        const auto refuse = [](const std::string& reason) { throw Error(ErrorCode::value, "chunks", reason); };
        if (options.chunks < 1) refuse(std::to_string(options.chunks) + " chunks");
        if (options.context < 1) refuse("a context of " + std::to_string(options.context) + " tokens");
        if (options.vocabulary < 1) refuse("a vocabulary of " + std::to_string(options.vocabulary));
        if (options.sources.empty()) refuse("no source");
        if (options.sources.size() > 65536)
            refuse(std::to_string(options.sources.size()) + " sources, at most 65536");
        if (!(options.validation >= 0.0 && options.validation < 1.0))
            refuse("the validation share is not in [0, 1)");
        return options;
    }

    SourceCounts& counts_of(std::int32_t source) {
        if (source < 0 || static_cast<std::size_t>(source) >= counts_.size()) {
            throw Error(ErrorCode::value, "chunks", "there is no source " + std::to_string(source));
        }
        return counts_[static_cast<std::size_t>(source)];
    }

    void check(const Window& window) const {
        const auto length = static_cast<Index>(window.tokens.size());
        if (length != options_.context + 1) {
            throw Error(ErrorCode::shape, "chunks",
                        "a window of " + std::to_string(length) + " tokens, expected " +
                            std::to_string(options_.context + 1));
        }
        for (TokenId token : window.tokens) {
            if (token < 0 || token >= options_.vocabulary) {
                throw Error(ErrorCode::value, "chunks",
                            "token " + std::to_string(token) + " in the window at document " +
                                std::to_string(window.document) + ", offset " + std::to_string(window.offset) +
                                " is outside the vocabulary of " + std::to_string(options_.vocabulary));
            }
        }
    }

    void append(const Window& window, bool held_out) {
        const auto to = [&](auto& spills) { (held_out ? spills.validation : spills.training).append(window); };
        if (narrow_) to(*narrow_);
        if (wide_) to(*wide_);
    }

    void flush_trace() {
        documents_.write(trace_);
        trace_.clear();
    }

    ChunkCounts finish_counts() {
        ChunkCounts counts;
        for (std::size_t s = 0; s < counts_.size(); ++s) {
            SourceCounts& source = counts_[s];
            source.dropped_windows = static_cast<Index>(round_[s].size());
            source.dropped_tokens = source.tokens - (source.training + source.validation) * (options_.context + 1);
            counts.total += source;
        }
        counts.sources = counts_;
        counts.total.name = "total";
        counts.windows_per_chunk = counts.total.training / options_.chunks;
        if (counts.total.documents == 0) {
            throw Error(ErrorCode::value, "chunks", name_ + ": the corpus is empty: there is no document");
        }
        if (counts.windows_per_chunk == 0) {
            throw Error(ErrorCode::value, "chunks",
                        name_ + ": the corpus is too small: no source has a window for each of the " +
                            std::to_string(options_.chunks) + " chunks (" + std::to_string(counts.total.windows) +
                            " windows of " + std::to_string(options_.context + 1) + " tokens, " +
                            std::to_string(counts.total.validation) + " of them held out)");
        }
        return counts;
    }

    template <class Token>
    void write_chunks(Spills<Token>& spills, Index windows_per_chunk) {
        spills.training.close();
        spills.validation.close();
        // Window i was dealt to chunk i mod N, so a chunk is every N-th record.
        for (Index chunk = 0; chunk < options_.chunks; ++chunk) {
            write_windows(chunk_file(chunk), spills.training, chunk, options_.chunks, windows_per_chunk);
        }
        write_windows(validation_file, spills.validation, 0, 1, spills.validation.size());
    }

    // `count` records of a spill, `stride` apart, as one file.
    template <class Token>
    void write_windows(const std::string& name, const detail::WindowSpill<Token>& spill, Index first, Index stride,
                       Index count) {
        const std::map<std::string, std::string> metadata{{"context", std::to_string(options_.context)},
                                                          {"eos", std::to_string(options_.eos)},
                                                          {"sources", Json(options_.sources).dump()},
                                                          {"vocabulary", std::to_string(options_.vocabulary)}};
        std::vector<std::int64_t> document;
        std::vector<std::int64_t> offset;
        std::vector<std::uint16_t> source;
        for (Index i = 0; i < count; ++i) {
            const Window origin = spill.origin(first + i * stride);
            document.push_back(origin.document);
            offset.push_back(origin.offset);
            source.push_back(static_cast<std::uint16_t>(origin.source));
        }
        SafetensorsWriter file(directory_.path() / name,
                               {{"document", DType::I64, {count}},
                                {"offset", DType::I64, {count}},
                                {"tokens", dtype_of<Token>, {count, options_.context + 1}},
                                {"source", DType::U16, {count}}},
                               metadata);
        file.append(std::span(document));
        file.append(std::span(offset));
        for (Index i = 0; i < count; ++i) file.append(spill.tokens(first + i * stride));
        file.append(std::span(source));
        file.finish();
        files_.push_back(name);
    }

    void write_manifest(const ChunkCounts& counts, const Json& provenance) {
        Json manifest{{"format", data_format},
                      {"chunks", options_.chunks},
                      {"context", options_.context},
                      {"vocabulary", options_.vocabulary},
                      {"eos", options_.eos},
                      {"windows_per_chunk", counts.windows_per_chunk},
                      {"validation_windows", counts.total.validation},
                      {"validation_share", options_.validation},
                      {"seed", options_.seed}};
        for (const SourceCounts& source : counts.sources) manifest["sources"].push_back(source.json());
        manifest["total"] = counts.total.json();
        for (const auto& [key, value] : provenance.items()) manifest[key] = value;
        files_.emplace_back(documents_file);
        std::sort(files_.begin(), files_.end());
        Json hashes = Json::object();
        for (const std::string& name : files_) hashes[name] = sha256_file(directory_.path() / name);
        manifest["sha256"] = std::move(hashes);
        write_json(directory_.path() / data_manifest, manifest);
    }

    ChunkOptions options_;
    std::string name_;
    StagedDirectory directory_;
    OutputFile documents_;
    std::string trace_;
    std::vector<SourceCounts> counts_;
    std::vector<std::vector<Window>> round_;  // of each source: windows waiting until there is one for each chunk
    std::optional<Spills<std::uint16_t>> narrow_;
    std::optional<Spills<std::uint32_t>> wide_;
    std::vector<std::string> files_;
};

}  // namespace lapidary
