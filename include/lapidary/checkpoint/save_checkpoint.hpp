#pragma once

#include <lapidary/checkpoint/staged_checkpoint.hpp>
#include <lapidary/comm/collectives.hpp>
#include <lapidary/comm/single_process.hpp>

#include <filesystem>
#include <vector>

namespace lapidary {

/// Writes a checkpoint: a Hugging Face directory with the full-precision weights, `state/` with the moments and
/// the step, and SHA256SUMS over all of it.
///
/// All ranks call it, on a file system that they share, and write at the same time, each a share of the files,
/// gathered in pieces of 64 MiB. It is written beside `directory` and appears there by one rename after everything
/// reached the disk, or not at all. Equal states give equal bytes, whatever the number of ranks and how the state
/// is sharded among them. Throws Error(value) if `directory` exists, Error(io) as on a full disk,
/// Error(lost_rank).
template <Device D, Communicator World, class Model>
void save_checkpoint(D& device, World& world, const Model& model, const TrainState<D>& state,
                     const std::filesystem::path& directory, const CheckpointExtras& extras = {}) {
    detail::require_ranks("save_checkpoint", state, world);
    detail::StagedCheckpoint<D> checkpoint(model, state, directory, extras);
    require_shared_directory(device, world, StagedDirectory::staging_path(directory),
                             {"begin of a checkpoint", detail::disk_patience});
    checkpoint.each_share(device, world, state,
                          [&](const detail::StatePiece& piece, std::vector<Accumulator<D>>&& elements) {
                              checkpoint.write(piece, elements);
                          });
    checkpoint.sync();
    barrier(world, {"checkpoint", detail::disk_patience});
    checkpoint.publish();
    barrier(world, {"end of a checkpoint", detail::disk_patience});
}

/// The same for a program that is alone.
template <Device D, class Model>
void save_checkpoint(D& device, const Model& model, const TrainState<D>& state,
                     const std::filesystem::path& directory, const CheckpointExtras& extras = {}) {
    SingleProcess world;
    save_checkpoint(device, world, model, state, directory, extras);
}

}  // namespace lapidary
