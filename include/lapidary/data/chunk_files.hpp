#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/data/chunk_names.hpp>
#include <lapidary/data/fim.hpp>
#include <lapidary/data/held_out.hpp>
#include <lapidary/data/in_parallel.hpp>
#include <lapidary/data/mix.hpp>
#include <lapidary/data/mix_view.hpp>
#include <lapidary/data/recipe.hpp>
#include <lapidary/data/row_blocks.hpp>
#include <lapidary/data/token_store.hpp>
#include <lapidary/data/window_file_writer.hpp>
#include <lapidary/io/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <range/v3/range/access.hpp>
#include <range/v3/view/transform.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// What a recipe makes of one window of a token stream, for every source: the window, or with FIM another.
template <Tokenizer T>
class WindowMaker {
public:
    /// The tokenizer must outlive the object.
    WindowMaker(const Recipe& recipe, const T& tokenizer, Index vocabulary) {
        for (const RecipeSource& source : recipe.sources) {
            fim_.emplace_back();
            if (!source.fim) continue;
            const FimRecipe& fim = *source.fim;
            fim_.back().emplace(tokenizer, FimOptions{.rate = fim.rate,
                                                      .spm_rate = fim.spm_rate,
                                                      .tokens = {fim.prefix, fim.middle, fim.suffix, fim.pad},
                                                      .eos = tokenizer.eos_id(),
                                                      .seed = recipe.seed,
                                                      .vocabulary = vocabulary});
        }
    }

    /// Replaces the ids of window `sample`, counted in its source's stream.
    void operator()(const Mix::Sample& sample, std::span<TokenId> ids, FimCounts& counts) const {
        const auto& fim = fim_[static_cast<std::size_t>(sample.source)];
        if (!fim) return;
        const std::vector<TokenId> made = (*fim)(ids, sample.source, sample.epoch, sample.window, counts);
        std::copy(made.begin(), made.end(), ids.begin());
    }

private:
    std::vector<std::optional<Fim<T>>> fim_;
};

struct ChunkFileOptions {
    Index vocabulary = 0;
    TokenId eos = -1;
    int workers = 1;
};

/// Writes the windows of a token store as the files that `TokenChunks` reads: a file of training windows for each
/// chunk of the mix, and one of those held out, which are left as they are. A file is there when it is complete.
template <Tokenizer T>
class ChunkFiles {
public:
    /// Called as windows are written, with how many more there are.
    using Progress = std::function<void(Index windows)>;

    /// What it is given must outlive it. `counts_folder`: for what FIM did in each file; `held_out`: of every
    /// source.
    ChunkFiles(std::filesystem::path folder, std::filesystem::path counts_folder, const Recipe& recipe,
               const TokenStore& store, const Mix& mix, const std::vector<HeldOutWindows>& held_out,
               const WindowMaker<T>& maker, const ChunkFileOptions& options)
        : folder_(std::move(folder)),
          counts_folder_(std::move(counts_folder)),
          recipe_(recipe),
          store_(store),
          mix_(mix),
          held_out_(held_out),
          maker_(maker),
          options_(options),
          metadata_{{"context", std::to_string(recipe.context)},
                    {"eos", std::to_string(options.eos)},
                    {"sources", Json(store.labels()).dump()},
                    {"vocabulary", std::to_string(options.vocabulary)}} {}

    /// Writes all files that are not there.
    void write(const Progress& progress) const {
        for (Index chunk = 0; chunk < mix_.chunks(); ++chunk) {
            write(chunk_file(chunk), samples_in(mix_, chunk) | ranges::views::transform([&](Mix::Sample sample) {
                                         const auto s = static_cast<std::size_t>(sample.source);
                                         sample.window = held_out_[s].training(sample.window);
                                         return sample;
                                     }),
                  progress);
        }
        std::vector<Mix::Sample> validation;
        for (std::size_t s = 0; s < held_out_.size(); ++s) {
            for (const Index window : held_out_[s].windows()) {
                validation.push_back({static_cast<Index>(s), original, window});
            }
        }
        write(validation_file, validation, progress);
    }

    /// What FIM did in all files.
    [[nodiscard]] FimCounts fim_counts() const {
        FimCounts total;
        for (Index chunk = 0; chunk < mix_.chunks(); ++chunk) {
            const std::filesystem::path file = counts_file(chunk_file(chunk));
            total += FimCounts::from(read_json(file), file.string());
        }
        return total;
    }

private:
    static constexpr Index original = -1;  // in place of an epoch: not to be transformed

    struct Windows {
        std::vector<TokenId> ids;
        FimCounts counts;
    };

    [[nodiscard]] std::filesystem::path counts_file(const std::string& name) const {
        return counts_folder_ / (name + ".json");
    }

    // `samples`: a random-access range of what the rows of a file are, windows counted in their streams.
    template <class Samples>
    void write(const std::string& name, const Samples& samples, const Progress& progress) const {
        const std::filesystem::path file = folder_ / name;
        const auto rows = static_cast<Index>(ranges::size(samples));
        if (std::filesystem::exists(file)) {
            progress(rows);
            return;
        }
        std::vector<WindowOrigin> origins;
        origins.reserve(static_cast<std::size_t>(rows));
        for (const Mix::Sample sample : samples) {
            origins.push_back(store_.origin(sample.source, sample.window));
            origins.back().epoch = static_cast<std::int32_t>(std::max<Index>(sample.epoch, 0));
        }
        FimCounts counts;
        WindowFileWriter writer(file, origins, recipe_.context, options_.vocabulary, metadata_);
        const auto make_rows = [&](const RowBlock& block) { return make(block, samples); };
        for (Windows windows : row_blocks(rows, rows_at_once()) | in_parallel(options_.workers, make_rows)) {
            writer.append(windows.ids);
            counts += windows.counts;
            progress(static_cast<Index>(windows.ids.size()) / recipe_.window());
        }
        write_json(counts_file(name), counts.json());
        writer.finish();
    }

    // About 2 MB of ids.
    [[nodiscard]] Index rows_at_once() const { return std::max<Index>(1, (Index{1} << 19) / recipe_.window()); }

    template <class Samples>
    Windows make(const RowBlock& block, const Samples& samples) const {
        const auto length = static_cast<std::size_t>(recipe_.window());
        Windows windows;
        windows.ids.resize(static_cast<std::size_t>(block.size()) * length);
        for (Index row = block.first; row < block.end; ++row) {
            const Mix::Sample sample = samples[static_cast<std::size_t>(row)];
            const auto ids =
                std::span(windows.ids).subspan(static_cast<std::size_t>(row - block.first) * length, length);
            store_.read(sample.source, sample.window, ids);
            if (sample.epoch != original) maker_(sample, ids, windows.counts);
        }
        return windows;
    }

    std::filesystem::path folder_;
    std::filesystem::path counts_folder_;
    const Recipe& recipe_;
    const TokenStore& store_;
    const Mix& mix_;
    const std::vector<HeldOutWindows>& held_out_;
    const WindowMaker<T>& maker_;
    ChunkFileOptions options_;
    std::map<std::string, std::string> metadata_;
};

}  // namespace lapidary
