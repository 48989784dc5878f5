#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/version.hpp>
#include <lapidary/data/block_tokenizer.hpp>
#include <lapidary/data/check_recipe.hpp>
#include <lapidary/data/chunk_counts.hpp>
#include <lapidary/data/chunk_files.hpp>
#include <lapidary/data/chunk_names.hpp>
#include <lapidary/data/in_parallel.hpp>
#include <lapidary/data/mix_plan.hpp>
#include <lapidary/data/mix_samples.hpp>
#include <lapidary/data/prepared_manifest.hpp>
#include <lapidary/data/recipe_json.hpp>
#include <lapidary/data/text_block_view.hpp>
#include <lapidary/data/token_store.hpp>
#include <lapidary/io/file.hpp>
#include <lapidary/io/quote.hpp>
#include <lapidary/io/run_lock.hpp>
#include <lapidary/io/safetensors.hpp>
#include <lapidary/io/sha256.hpp>
#include <lapidary/io/staged_directory.hpp>
#include <lapidary/text/utf8.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary {

struct PreparationOptions {
    int workers = 1;                ///< threads; they change no byte
    Decoding decoding = as_stored;  ///< `decompressed` reads .gz and .zst as well
    double commit_seconds = 5;      ///< how much work a crash may cost
    /// What goes with the tokens, under the names given: the tokenizer's files. They decide the bytes, so that a
    /// preparation goes on with the same only.
    std::vector<std::pair<std::filesystem::path, std::string>> tokenizer_files{};
    /// Called with the stage, how much of it is done and how much there is: bytes of the inputs, then windows.
    std::function<void(std::string_view stage, Index done, Index total)> progress = [](std::string_view, Index,
                                                                                       Index) {};
};

/// Documents to chunks of token windows, as a recipe says.
///
///     text blocks | tokenize -> a stream of tokens for each source
///     mix | windows | FIM    -> chunks
///
/// The bytes are a pure function of recipe, inputs and tokenizer: not of the number of workers, nor of whether a
/// process ended on the way, by whatever cause: `prepare` started again goes on. The directory appears under its
/// name complete or not at all; until then its parts lie in `StagedDirectory::staging_path(out)`.
///
/// Written: `chunk_000.safetensors` ..., `valid.safetensors` (see `WindowFile`), `documents.safetensors` (see
/// `DocumentRow`), `data.json` (the recipe, the counts, the SHA-256 of every input and of every other file).
///
/// Memory: about 100 MB and 10 MB a worker, whatever the size of the corpus, where documents are below a MB;
/// longer ones count four times their bytes a worker. Besides, 40 bytes a window of the largest file, 64 bytes a
/// window held out, 40 bytes a document where duplicates are looked for, about 2 kB an input file. Disk: the
/// tokens twice. An input that is a pipe cannot be read again: then a preparation that was interrupted begins
/// anew.
template <Tokenizer T>
class Preparation {
public:
    /// Throws Error(value) if `out` exists, or if another recipe, tokenizer or list of files was begun there;
    /// Error(busy) if another process prepares it; Error(integrity) naming an input that changed since; Error(io).
    Preparation(const std::filesystem::path& out, const Recipe& recipe, const std::vector<InputFile>& files,
                const T& tokenizer, PreparationOptions options)
        : recipe_(checked(recipe, files, options)),
          files_(files),
          tokenizer_(tokenizer),
          options_(std::move(options)),
          vocabulary_(vocabulary_of(recipe, tokenizer)),
          maker_(recipe, tokenizer, vocabulary_),  // which refuses marks, now and not after days of tokenizing
          directory_(out, StagedDirectory::Unfinished::keep),
          lock_(directory_.path()) {
        for (const auto& [file, name] : options_.tokenizer_files) tokenizer_hashes_[name] = sha256_file(file);
    }

    /// Does what is left to do and publishes the directory; returns its manifest.
    Json run() {
        const std::filesystem::path folder = directory_.path();
        const std::filesystem::path work = folder / work_folder;
        const bool begun = std::filesystem::exists(work / StoreState::file_name) && can_read_again();
        remove_from(folder, [&](const std::string& name) {  // all, or what a killed process was about to write
            return name != ".lock" && (!begun || (name.starts_with('.') && name != work_folder));
        });
        std::filesystem::create_directory(work);
        if (std::filesystem::exists(folder / data_manifest)) {  // all is done, if it was done for this recipe
            static_cast<void>(StoreState::open(work, recipe_, definition()));
        } else {
            TokenStore store(work, recipe_, files_, vocabulary_, definition());
            tokenize(store);
            write(store);
        }
        // The state stays until the name is there, for it tells what the rest was made from; so does the lock.
        remove_from(work, [](const std::string& name) { return name != StoreState::file_name; });
        directory_.publish();
        std::filesystem::remove_all(directory_.path() / work_folder);
        std::filesystem::remove(directory_.path() / ".lock");
        return read_json(directory_.path() / data_manifest);
    }

private:
    static constexpr const char* work_folder = ".work";

    static const Recipe& checked(const Recipe& recipe, const std::vector<InputFile>& files,
                                 const PreparationOptions& options) {
        check_recipe(recipe, recipe.name);
        if (options.workers < 1) {
            throw Error(ErrorCode::value, "prepare", std::to_string(options.workers) + " workers");
        }
        std::int32_t source = 0;
        for (const InputFile& file : files) {
            if (file.source < source || file.source >= static_cast<std::int32_t>(recipe.sources.size())) {
                throw Error(ErrorCode::value, "prepare",
                            file.path.string() + ": the files are not in the order of the recipe's sources");
            }
            source = file.source;
            if (find_invalid_utf8(file.path.string()) == std::string_view::npos) continue;
            throw Error(ErrorCode::value, "prepare",  // the manifest is JSON
                        quote(file.path.string()) + ": the name is not UTF-8");
        }
        return recipe;
    }

    static Index vocabulary_of(const Recipe& recipe, const T& tokenizer) {
        if (recipe.vocabulary > 0 && recipe.vocabulary < tokenizer.vocabulary_size()) {
            throw Error(ErrorCode::value, "prepare",
                        recipe.name + ": a vocabulary of " + std::to_string(recipe.vocabulary) +
                            ", the tokenizer has " + std::to_string(tokenizer.vocabulary_size()));
        }
        Index size = std::max(recipe.vocabulary, tokenizer.vocabulary_size());
        for (const RecipeSource& source : recipe.sources) {
            if (!source.fim || recipe.vocabulary > 0) continue;
            const FimRecipe& fim = *source.fim;
            size = std::max<Index>(size, std::max({fim.prefix, fim.middle, fim.suffix, fim.pad}) + Index{1});
        }
        return size;
    }

    // All that decides the bytes, but for the contents of the inputs.
    [[nodiscard]] Json definition() const {
        Sha256 inputs;
        for (const InputFile& file : files_) {
            const std::string entry = file.path.string() + '\0' + std::to_string(file.source) + '\n';
            inputs.update(std::as_bytes(std::span(entry)));
        }
        Recipe recipe = recipe_;
        recipe.note.clear();  // notes decide nothing
        for (RecipeSource& source : recipe.sources) source.note.clear();
        Json json{{"lapidary", version},
                  {"recipe", recipe_json(recipe)},
                  {"vocabulary", vocabulary_},
                  {"inputs", inputs.hex()}};
        for (const auto& [name, hash] : tokenizer_hashes_) json[name] = hash;
        return json;
    }

    // Pipes give their bytes once. (A file that is gone is another matter: it is refused by name.)
    [[nodiscard]] bool can_read_again() const {
        return std::none_of(files_.begin(), files_.end(), [](const InputFile& file) {
            std::error_code failure;
            const auto status = std::filesystem::status(file.path, failure);
            return std::filesystem::exists(status) && !std::filesystem::is_regular_file(status);
        });
    }
    template <class Unwanted>
    static void remove_from(const std::filesystem::path& folder, Unwanted unwanted) {
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            if (unwanted(entry.path().filename().string())) std::filesystem::remove_all(entry.path());
        }
    }

    void tokenize(TokenStore& store) const {
        using Clock = std::chrono::steady_clock;
        std::vector<Index> before{0};  // bytes of the files before each
        for (const InputFile& file : files_) {
            std::error_code failure;
            const auto size = std::filesystem::file_size(file.path, failure);
            before.push_back(before.back() + (failure ? 0 : static_cast<Index>(size)));
        }
        TextBlockReader reader(files_, options_.decoding, static_cast<std::size_t>(recipe_.max_document_bytes),
                               store.position());
        const BlockTokenizer<T> tokenizer(tokenizer_, recipe_, files_, vocabulary_);
        Clock::time_point committed = Clock::now();
        for (TokenizedBlock block :
             text_blocks(reader) |
                 in_parallel(options_.workers, [&](const TextBlock& text) { return tokenizer(text); })) {
            store.append(block);
            const auto file = static_cast<std::size_t>(block.after.file);
            options_.progress("tokenize", before[file] + block.after.stored_bytes, before.back());
            if (std::chrono::duration<double>(Clock::now() - committed).count() < options_.commit_seconds)
                continue;
            store.commit();
            committed = Clock::now();
        }
        store.commit();
    }

    void write(const TokenStore& store) const {
        const std::filesystem::path folder = directory_.path();
        ChunkCounts counts = count(store);
        std::vector<Index> windows;
        for (const SourceCounts& source : counts.sources) windows.push_back(source.windows);
        const std::vector<Index> held = held_out_of(recipe_, windows);
        std::vector<HeldOutWindows> held_out;
        std::vector<Index> training;
        for (std::size_t s = 0; s < windows.size(); ++s) {
            held_out.emplace_back(windows[s], held[s], recipe_.seed, s);
            training.push_back(held_out.back().training());
        }
        const Mix mix = make_mix(recipe_, training);
        for (std::size_t s = 0; s < windows.size(); ++s) {
            if (mix.epochs(static_cast<Index>(s)) <= 65536) continue;
            throw Error(ErrorCode::value, "prepare",
                        recipe_.name + ": " + std::to_string(training[s]) + " windows of " +
                            quote(recipe_.sources[s].name) + " would be seen more than 65536 times");
        }
        for (std::size_t s = 0; s < windows.size(); ++s) {
            SourceCounts& source = counts.sources[s];
            source.validation = held[s];
            source.samples = mix.sources()[s].samples;
            source.unused = std::max<Index>(0, training[s] - source.samples);
            counts.total += source;
        }
        counts.windows_per_chunk = mix.windows_per_chunk();

        const Index total = mix.samples() + counts.total.validation;
        Index done = 0;
        const ChunkFiles<T> files(
            folder, folder / work_folder, recipe_, store, mix, held_out, maker_,
            {.vocabulary = vocabulary_, .eos = tokenizer_.eos_id(), .workers = options_.workers});
        files.write([&](Index more) { options_.progress("write chunks", done += more, total); });
        write_documents(folder / documents_file, store);
        for (const auto& [file, name] : options_.tokenizer_files) {
            const std::string contents = read_text(file);
            if (sha256_hex(std::as_bytes(std::span(contents))) != tokenizer_hashes_.at(name)) {
                throw Error(ErrorCode::integrity, "prepare",
                            file.string() + ": has changed since the texts were tokenized");
            }
            write_file_durably(folder / name, contents);
        }
        Json manifest =
            prepared_manifest(recipe_, store, counts, vocabulary_, recipe_.eos ? tokenizer_.eos_id() : -1);
        manifest["fim"] = files.fim_counts().json();
        manifest["sha256"] = hashes(folder);
        write_json(folder / data_manifest, manifest);
    }

    [[nodiscard]] ChunkCounts count(const TokenStore& store) const {
        ChunkCounts counts;
        for (std::size_t s = 0; s < recipe_.sources.size(); ++s) {
            const StoreState::Source& source = store.sources()[s];
            counts.sources.push_back({.name = recipe_.sources[s].name,
                                      .documents = source.documents,
                                      .tokens = source.tokens,
                                      .windows = store.windows(static_cast<Index>(s)),
                                      .discards = source.discards});
            if (source.documents > 0 || recipe_.on_bad == BadDocuments::skip) continue;
            throw Error(ErrorCode::value, "prepare",
                        recipe_.name + ": there is no document of " + quote(recipe_.sources[s].name));
        }
        counts.total.name = "total";
        return counts;
    }

    static void write_documents(const std::filesystem::path& file, const TokenStore& store) {
        const GrowingFile<DocumentRow>& documents = store.documents();
        SafetensorsWriter writer(file, {{"documents", DType::I64, {documents.size(), document_columns}}});
        documents.for_each_part([&](std::span<const DocumentRow> rows) { writer.append(rows); });
        writer.finish();
    }

    [[nodiscard]] Json hashes(const std::filesystem::path& folder) const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            if (entry.is_regular_file() && entry.path().filename() != ".lock") {
                names.push_back(entry.path().filename().string());
            }
        }
        std::sort(names.begin(), names.end());
        Json json = Json::object();
        auto name = names.begin();
        for (const std::string& hash : names | in_parallel(options_.workers, [&](const std::string& one) {
                                           return sha256_file(folder / one);
                                       })) {
            json[*name++] = hash;
        }
        return json;
    }

    Recipe recipe_;
    std::vector<InputFile> files_;
    const T& tokenizer_;
    PreparationOptions options_;
    Index vocabulary_;
    WindowMaker<T> maker_;
    std::map<std::string, std::string> tokenizer_hashes_;  // by name
    StagedDirectory directory_;
    RunLock lock_;
};

}  // namespace lapidary
