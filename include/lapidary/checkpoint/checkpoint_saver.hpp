#pragma once

#include <lapidary/checkpoint/save_checkpoint.hpp>
#include <lapidary/comm/background.hpp>

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

namespace lapidary {

/// Saves checkpoints in the background: `start` takes a snapshot, and training goes on while it is written.
///
/// A snapshot is this rank's share of the checkpoint in host memory: 1/p of its bytes, up to one piece more (64
/// MiB in single precision, or a tensor that the file has transposed). With one rank and fp32 that is 12 bytes a
/// parameter, 8 where no first moment is kept. It is given back piece by piece as it is written. There is one at a
/// time: `start` waits for the one before. All ranks call `start`, `poll` (once a step) and `finish` together.
/// What goes wrong in the background is thrown by them, and then this saver is done for: make another one.
/// Destroyed before `finish`, an unpublished checkpoint is dropped.
template <Device D>
class CheckpointSaver {
public:
    template <Communicator World, class Model>
    void start(D& device, World& world, const Model& model, const TrainState<D>& state,
               const std::filesystem::path& directory, const CheckpointExtras& extras = {}) {
        detail::require_ranks("save_checkpoint", state, world);
        finish(device, world);
        auto checkpoint = std::make_unique<detail::StagedCheckpoint<D>>(model, state, directory, extras);
        require_shared_directory(device, world, StagedDirectory::staging_path(directory),
                                 {"begin of a checkpoint", detail::disk_patience});
        auto snapshot = std::make_shared<Snapshot>();
        checkpoint->each_share(device, world, state,
                               [&](const detail::StatePiece& piece, std::vector<Accumulator<D>>&& elements) {
                                   snapshot->emplace_back(piece, std::move(elements));
                               });
        checkpoint_ = std::move(checkpoint);
        publishing_ = false;
        begin([writing = checkpoint_.get(), snapshot] {
            for (auto& [piece, elements] : *snapshot) {
                writing->write(piece, elements);
                std::vector<Accumulator<D>>().swap(elements);
            }
            writing->sync();
        });
    }

    /// Whether a checkpoint is under way, that is, begun and not yet published.
    template <Communicator World>
    bool poll(D& device, World& world) {
        if (!checkpoint_) return false;
        const bool done = done_;
        if (done) background_.wait(task_);  // throws what it threw
        if (any(device, world, !done, {"checkpoint", detail::disk_patience})) return true;
        return !advance();
    }

    /// Returns when no checkpoint is under way.
    template <Communicator World>
    void finish(D&, World& world) {
        while (checkpoint_) {
            background_.wait(task_);
            barrier(world, {"checkpoint", detail::disk_patience});
            advance();
        }
    }

private:
    using Snapshot = std::vector<std::pair<detail::StatePiece, std::vector<Accumulator<D>>>>;

    template <class Task>
    void begin(Task task) {
        done_ = false;
        task_ = background_.begin([this, task] {
            try {
                task();
            } catch (...) {
                done_ = true;
                throw;
            }
            done_ = true;
        });
    }
    // All ranks have written, or all have seen it published. Whether that was all.
    bool advance() {
        if (publishing_) {
            checkpoint_.reset();
            return true;
        }
        publishing_ = true;
        begin([checkpoint = checkpoint_.get()] { checkpoint->publish(); });
        return false;
    }

    std::unique_ptr<detail::StagedCheckpoint<D>> checkpoint_;
    std::atomic<bool> done_{true};
    bool publishing_ = false;
    Background::Ticket task_ = 0;
    Background background_;  // the last member: its thread uses the others
};

}  // namespace lapidary
