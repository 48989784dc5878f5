// Checkpoints of states that keep no first moment.

#include "checkpoint/support.hpp"

#include <lapidary/checkpoint/checkpoint_saver.hpp>
#include <lapidary/optim/rmsprop.hpp>

using namespace checkpoint_test;
using namespace io_test;

namespace {

/// The small run with RMSprop.
struct SecondMomentRun {
    Cpu device{{.threads = 2}};
    Amber model{small_config()};
    TrainState<Cpu> state{device, model.layout(), {}, Moments::second};

    explicit SecondMomentRun(Index steps = 0) {
        initialize(device, model, state, {.seed = 3});
        train_to(steps);
    }
    void train_to(Index step) {
        SingleProcess world;
        while (state.step < step) {
            const Batch batch = test::random_batch(4, 12, 50, static_cast<std::uint64_t>(state.step));
            train_step(device, world, model, state, batch, RmsProp{}, 1e-3, {.lanes = 2});
        }
    }
};

/// The checkpoint says it, and nothing of the state is changed.
template <class Run, class... Fragments>
void check_refused(Run& run, const fs::path& checkpoint, const Fragments&... fragments) {
    const auto before = std::vector{run.state.weights.to_host(), run.state.v.to_host()};
    check_throws(
        ErrorCode::format, [&] { read_checkpoint(run.device, run.model, run.state, checkpoint); },
        (checkpoint / "state/moments.safetensors").string(), fragments...);
    CHECK(std::vector{run.state.weights.to_host(), run.state.v.to_host()} == before);
}

}  // namespace

TEST_CASE("a checkpoint of a state without a first moment has none, and goes on to the same bytes") {
    const TemporaryDirectory folder;
    SecondMomentRun run(3);
    save_checkpoint(run.device, run.model, run.state, folder / "a");
    const std::vector<LooseTensor> tensors = read_tensors(folder / "a/state/moments.safetensors");
    CHECK(tensors.size() == run.model.layout().leaves().size());
    for (const LooseTensor& tensor : tensors) CHECK(tensor.spec.name.starts_with("v."));

    SecondMomentRun again(1);
    read_checkpoint(again.device, again.model, again.state, folder / "a");
    CHECK(again.state.step == 3);
    CHECK(again.state.v.to_host() == run.state.v.to_host());
    CHECK(again.state.m.size() == 0);
    SingleProcess world;
    CheckpointSaver<Cpu> saver;
    saver.start(again.device, world, again.model, again.state, folder / "again");
    again.train_to(6);
    saver.finish(again.device, world);
    CHECK(contents(folder / "again") == contents(folder / "a"));
    save_checkpoint(again.device, again.model, again.state, folder / "end");
    run.train_to(6);
    save_checkpoint(run.device, run.model, run.state, folder / "whole");
    CHECK(contents(folder / "end") == contents(folder / "whole"));
}

TEST_CASE("a checkpoint with moments that the state does not keep, or without one that it does, is refused") {
    const TemporaryDirectory folder;
    const auto full = SmallRun::make(1, 2);
    full->save(folder / "full");
    SecondMomentRun second(2);
    save_checkpoint(second.device, second.model, second.state, folder / "second");
    const std::string first_leaf = second.model.layout().leaves().front().name;
    check_refused(second, folder / "full", "tensor 'm." + first_leaf + "' is no moment of this model",
                  "an optimizer that keeps no first one");
    check_refused(*full, folder / "second", "'m." + first_leaf + "'", "is not in the file");
}
