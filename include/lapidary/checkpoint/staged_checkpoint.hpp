#pragma once

#include <lapidary/checkpoint/collect.hpp>
#include <lapidary/checkpoint/shared_directory.hpp>
#include <lapidary/checkpoint/state_files.hpp>
#include <lapidary/io/checksums.hpp>
#include <lapidary/io/output_file.hpp>
#include <lapidary/io/staged_directory.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <array>
#include <filesystem>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace lapidary {

inline constexpr const char* checkpoint_format = "lapidary checkpoint 1";

/// What a checkpoint holds besides the training state.
struct CheckpointExtras {
    std::filesystem::path tokenizer;  ///< a .model or a .json, with its side files beside it; empty: none
    Json cursor = Json::object();     ///< where the data stands; returned by `read_checkpoint`
};

namespace detail {

/// Ranks wait for each other's disks this many times as long as for each other.
inline constexpr double disk_patience = 10;

/// Copies a tokenizer's file and what belongs to it into a Hugging Face directory.
inline void copy_tokenizer(const std::filesystem::path& tokenizer, const std::filesystem::path& directory) {
    write_file_durably(directory / tokenizer_file_name(tokenizer), read_text(tokenizer));
    for (const char* name : tokenizer_side_files) {
        const std::filesystem::path file = tokenizer.parent_path() / name;
        if (std::filesystem::exists(file)) write_file_durably(directory / name, read_text(file));
    }
}

/// A checkpoint on its way to the disk. Rank 0 makes the directory and what is small, every rank writes its share
/// of the large files, rank 0 publishes.
template <Device D>
class StagedCheckpoint {
public:
    using T = Accumulator<D>;

    template <class Model>
    StagedCheckpoint(const Model& model, const TrainState<D>& state, const std::filesystem::path& directory,
                     const CheckpointExtras& extras)
        : files_(StateFiles::of<T>(model, moments_of(state))),
          shares_(files_.shares(state.shards.ranks())),
          folder_(StagedDirectory::staging_path(directory)) {
        if (state.shards.rank() != 0) return;
        staged_.emplace(directory);
        write_config<T>(model, folder_);
        if (!extras.tokenizer.empty()) copy_tokenizer(extras.tokenizer, folder_);
        create_directories_durably(folder_ / "state");
        write_json(folder_ / "state" / "state.json",
                   {{"format", checkpoint_format}, {"step", state.step}, {"cursor", extras.cursor}});
        for (const StateFile& file : files_.files) {
            OutputFile out(folder_ / file.path);
            out.reserve(file.preamble.size() + file.bytes);
            out.write(file.preamble);
            out.close();
        }
    }

    /// Calls `take(piece, elements)` for each piece of this rank's share, in the order of the file. All ranks
    /// together.
    template <Communicator World, class Take>
    void each_share(D& device, World& world, const TrainState<D>& state, Take&& take) {
        std::array<HeldVector<const Scalar<D>>, state_vectors.size()> vectors;
        for (const StateVector which : state_vectors)
            vectors[static_cast<std::size_t>(which)] = held<const Scalar<D>>(state, which);
        std::size_t rounds = 0;
        for (const auto& share : shares_) rounds = std::max(rounds, share.size());
        for (std::size_t round = 0; round < rounds; ++round) {
            std::vector<Wish<Scalar<D>>> wishes;
            for (const auto& share : shares_) {
                if (round >= share.size()) {
                    wishes.push_back({nullptr, nullptr});
                    continue;
                }
                const StatePiece& piece = files_.pieces[share[round]];
                wishes.push_back({&vectors[static_cast<std::size_t>(piece.vector)], &piece.piece});
            }
            std::vector<T> elements = collect(device, world, wishes, {"gather of a checkpoint", disk_patience});
            const auto& own = shares_[static_cast<std::size_t>(world.rank())];
            if (round >= own.size()) continue;
            to_file_order(files_.pieces[own[round]].piece, elements);
            take(files_.pieces[own[round]], std::move(elements));
        }
    }

    void write(const StatePiece& piece, const std::vector<T>& elements) {
        auto& file = open_[piece.file];
        if (!file) file.emplace(folder_ / files_.files[piece.file].path, OpenMode::update);
        file->write_at(piece.offset, std::as_bytes(std::span(elements)));
    }
    /// Returns when what this rank wrote is on the disk.
    void sync() {
        for (auto& file : open_) {
            if (!file) continue;
            file->sync();
            file->close();
            file.reset();
        }
    }
    /// After all ranks have synced: rank 0 gives the checkpoint its name.
    void publish() {
        if (!staged_) return;
        write_checksums(folder_);
        staged_->publish();
    }

private:
    StateFiles files_;
    std::vector<std::vector<std::size_t>> shares_;  // pieces, by rank
    std::filesystem::path folder_;
    std::optional<StagedDirectory> staged_;  // rank 0's
    std::array<std::optional<OutputFile>, 2> open_;
};

}  // namespace detail

}  // namespace lapidary
