#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/block_tokenizer.hpp>
#include <lapidary/data/document_row.hpp>
#include <lapidary/data/input_changes.hpp>
#include <lapidary/data/store_state.hpp>
#include <lapidary/data/token_stream.hpp>
#include <lapidary/data/window_origin.hpp>
#include <lapidary/io/growing_file.hpp>
#include <lapidary/io/json.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

namespace lapidary {

/// The tokens of a corpus on their way to chunks: for every source one stream of ids with the place of each
/// document in it, so that any window can be read. Kept in a folder; a process that ends, however it ends, leaves
/// a state from which another goes on to the same bytes.
///
/// Memory: buffers, and 16 bytes (about 40 with the table) a document where duplicates are looked for.
class TokenStore {
public:
    /// Begins in an empty folder, or goes on with what another process left. `definition` is all that decides the
    /// bytes. Throws Error(value) if that process had another definition, Error(integrity) naming an input that
    /// has changed since, Error(io).
    TokenStore(std::filesystem::path folder, const Recipe& recipe, std::vector<InputFile> files, Index vocabulary,
               const Json& definition)
        : folder_(std::move(folder)),
          recipe_(recipe),
          files_(std::move(files)),
          state_(StoreState::open(folder_, recipe_, definition)),
          documents_(folder_ / "documents.bin", state_.documents),
          inputs_(folder_ / "inputs.bin", state_.position.file),
          digests_(folder_ / "digests.bin", recipe_.deduplicate ? state_.documents : 0) {
        check_inputs_unchanged(files_, inputs_, state_.position, folder_);
        for (std::size_t s = 0; s < recipe_.sources.size(); ++s) {
            const std::string number = std::to_string(s) + ".bin";
            streams_.emplace_back(folder_ / ("tokens_" + number), vocabulary, state_.sources[s].tokens);
            origins_.emplace_back(folder_ / ("windows_" + number), windows_begun(state_.sources[s].tokens));
        }
        digests_.for_each_part([&](std::span<const TextDigest> part) { seen_.insert(part.begin(), part.end()); });
    }

    /// Where to go on reading.
    [[nodiscard]] const InputPosition& position() const { return state_.position; }
    [[nodiscard]] bool complete() const { return position().file == static_cast<Index>(files_.size()); }
    /// What became of each source so far.
    [[nodiscard]] const std::vector<StoreState::Source>& sources() const { return state_.sources; }
    /// What documents count as: the recipe's sources, then other names in the order in which they came.
    [[nodiscard]] const std::vector<std::string>& labels() const { return state_.labels; }

    /// Takes the block that follows. What it has is not safe from a crash before the next `commit`.
    void append(const TokenizedBlock& block) {
        const auto s = static_cast<std::size_t>(block.source);
        StoreState::Source& source = state_.sources[s];
        source.discards += block.discards;
        for (const TokenizedDocument& document : block.documents) {
            if (recipe_.deduplicate) {
                if (!seen_.insert(document.digest).second) {
                    ++source.discards[Discard::duplicate];
                    continue;
                }
                digests_.append(document.digest);
            }
            append(s, document);
        }
        state_.position = block.after;
        if (!block.ends_file) return;
        inputs_.append(FinishedInput::of(block.after));
        state_.position = {.file = block.after.file + 1};
    }

    /// Makes all that was appended durable.
    void commit() {
        for (TokenStream& stream : streams_) stream.sync();
        for (auto& origins : origins_) origins.sync();
        documents_.sync();
        inputs_.sync();
        digests_.sync();
        state_.save(folder_);
    }

    /// Whole windows of a source.
    [[nodiscard]] Index windows(Index source) const {
        const Index tokens = state_.sources[static_cast<std::size_t>(source)].tokens;
        return tokens < recipe_.window() ? 0 : (tokens - recipe_.window()) / recipe_.stride + 1;
    }
    /// The ids of a window, and where it starts; both after `commit`, from any thread.
    void read(Index source, Index window, std::span<TokenId> into) const {
        streams_[static_cast<std::size_t>(source)].read(window * recipe_.stride, into);
    }
    [[nodiscard]] WindowOrigin origin(Index source, Index window) const {
        return origins_[static_cast<std::size_t>(source)].read(window);
    }
    [[nodiscard]] const GrowingFile<DocumentRow>& documents() const { return documents_; }
    [[nodiscard]] const GrowingFile<FinishedInput>& inputs() const { return inputs_; }
    [[nodiscard]] const std::vector<InputFile>& files() const { return files_; }

private:
    struct DigestHash {
        std::size_t operator()(const TextDigest& digest) const noexcept { return digest[0]; }
    };

    // Windows that start in the first `tokens` ids of a stream, whole or not.
    [[nodiscard]] Index windows_begun(Index tokens) const { return ceil_div(tokens, recipe_.stride); }

    void append(std::size_t s, const TokenizedDocument& document) {
        StoreState::Source& source = state_.sources[s];
        const auto length = static_cast<Index>(document.tokens.size());
        const Index label = document.label.empty() ? static_cast<Index>(s) : state_.label(document.label);
        const DocumentPlace& place = document.place;
        const Index row = documents_.size();
        documents_.append({label, place.file, place.line, place.begin, place.end, source.tokens, length});
        const Index end = windows_begun(source.tokens + length);
        for (Index window = windows_begun(source.tokens); window < end; ++window) {
            origins_[s].append(
                {row, window * recipe_.stride - source.tokens, static_cast<std::int32_t>(label), 0});
        }
        streams_[s].append(document.tokens);
        source.documents += 1;
        source.tokens += length;
        state_.documents += 1;
    }

    std::filesystem::path folder_;
    Recipe recipe_;
    std::vector<InputFile> files_;
    StoreState state_;
    GrowingFile<DocumentRow> documents_;
    GrowingFile<FinishedInput> inputs_;
    GrowingFile<TextDigest> digests_;
    std::vector<TokenStream> streams_;
    std::vector<GrowingFile<WindowOrigin>> origins_;
    std::unordered_set<TextDigest, DigestHash> seen_;
};

}  // namespace lapidary
