#include "checkpoint/support.hpp"

#include <memory>

using namespace checkpoint_test;
using namespace io_test;

namespace {

using Run = std::unique_ptr<SmallRun>;

Run trained(int threads, Index step) { return SmallRun::make(threads, step); }

}  // namespace

TEST_CASE("a checkpoint gives back every bit of the state and the cursor") {
    const TemporaryDirectory folder;
    const Run saved = trained(2, 3);
    saved->save(folder / "a", {.tokenizer = {}, .cursor = {{"next_step", 3}, {"note", "x"}}});
    SmallRun read;
    const Json cursor = read.read(folder / "a");
    CHECK(cursor == Json{{"next_step", 3}, {"note", "x"}});
    CHECK(read.state.step == 3);
    CHECK(read.state.weights.to_host() == saved->state.weights.to_host());
    CHECK(read.state.m.to_host() == saved->state.m.to_host());
    CHECK(read.state.v.to_host() == saved->state.v.to_host());
    const auto v = read.state.v.to_host();
    CHECK(std::any_of(v.begin(), v.end(), [](float element) { return element != 0; }));
    CHECK(entries(folder.path()) == 1);
}

TEST_CASE("equal states give equal bytes, whatever the number of threads") {
    const TemporaryDirectory folder;
    trained(1, 2)->save(folder / "a");
    const Contents expected = contents(folder / "a");
    CHECK(expected.size() == 5);
    for (const int threads : {2, 3, 7}) {
        const auto directory = folder / std::to_string(threads);
        trained(threads, 2)->save(directory);
        CHECK(contents(directory) == expected);
    }
    SmallRun read;
    read.read(folder / "a");
    read.save(folder / "again");
    CHECK(contents(folder / "again") == expected);
}

TEST_CASE("stopping and resuming anywhere, any number of times, changes no byte") {
    const TemporaryDirectory folder;
    trained(1, 6)->save(folder / "whole");
    const Contents expected = contents(folder / "whole");
    struct Split {
        std::vector<Index> stops;
        int threads;
    };
    for (const Split& split : {Split{{0}, 1}, Split{{1}, 2}, Split{{5}, 3}, Split{{6}, 1}, Split{{2, 4}, 7},
                               Split{{1, 2, 3, 4, 5}, 2}}) {
        const auto parent =
            folder / ("split" + std::to_string(split.stops.size()) + "_" + std::to_string(split.stops.front()));
        Run run = trained(1, split.stops.front());
        for (const Index stop : split.stops) {
            run->train_to(stop);
            run->save(parent / std::to_string(stop));
            run = std::make_unique<SmallRun>(split.threads);
            // A state that was used before: reading must replace all of it.
            initialize(run->device, run->model, run->state, {.seed = 99});
            run->train_to(1);
            run->read(latest_checkpoint(parent));
            CHECK(run->state.step == stop);
        }
        run->train_to(6);
        run->save(parent / "end");
        INFO(parent);
        CHECK(contents(parent / "end") == expected);
    }
}

TEST_CASE("a checkpoint is a Hugging Face directory with its tokenizer") {
    const TemporaryDirectory folder;
    const Run run = trained(1, 2);
    put(folder / "tok", std::string("\0model", 6));
    run->save(folder / "a", {.tokenizer = folder / "tok", .cursor = {}});
    CHECK(read_text(folder / "a/tokenizer.model") == std::string("\0model", 6));
    const AmberConfig config = parse_config<AmberConfig>(read_json(folder / "a/config.json"), "config");
    CHECK(config.num_key_value_heads == 1);
    const Amber model{read_config<AmberConfig>(folder / "a")};
    Cpu device({.threads = 1});
    Tensor<float, 1, Cpu> weights(device, {model.layout().size()});
    read_weights(device, model, folder / "a", weights.view());
    CHECK(weights.to_host() == run->state.weights.to_host());
    CHECK_NOTHROW(verify_checksums(folder / "a"));
    CHECK(SafetensorsReader(folder / "a/model.safetensors").metadata().at("format") == "pt");
}

TEST_CASE("a missing tokenizer and a name that is taken leave nothing behind") {
    const TemporaryDirectory folder;
    const Run run = trained(1, 1);
    check_throws(
        ErrorCode::io, [&] { run->save(folder / "a", {.tokenizer = folder / "none", .cursor = {}}); }, "none",
        "No such file");
    CHECK(entries(folder.path()) == 0);

    run->save(folder / "a");
    const Contents before = contents(folder / "a");
    run->train_to(2);
    check_throws(
        ErrorCode::value, [&] { run->save(folder / "a"); }, "/a: exists already");
    CHECK(contents(folder / "a") == before);
    CHECK(entries(folder.path()) == 1);
    put(folder / "file", "x");
    check_throws(
        ErrorCode::io, [&] { run->save(folder / "file/a"); }, "file");
    CHECK(read_text(folder / "file") == "x");
}

TEST_CASE("the latest checkpoint is the complete one with the highest step") {
    const TemporaryDirectory folder;
    CHECK(latest_checkpoint(folder / "none").empty());
    CHECK(latest_checkpoint(folder.path()).empty());
    const Run run = trained(1, 2);
    run->save(folder / "ckpt_000");
    run->train_to(3);
    run->save(folder / "a_later_one");  // it is the step that counts, not the name
    CHECK(latest_checkpoint(folder.path()) == folder / "a_later_one");

    run->train_to(4);
    run->save(folder / "partial");
    fs::rename(folder / "partial", folder / ".ckpt_009.partial");
    run->save(folder / "unfinished");
    fs::remove(folder / "unfinished/SHA256SUMS");
    run->save(folder / "no_state");
    fs::remove_all(folder / "no_state/state");
    fs::create_directories(folder / "foreign/deep");
    put(folder / "foreign/config.json", "{}");
    put(folder / "a file", "x");
    CHECK(latest_checkpoint(folder.path()) == folder / "a_later_one");
    CHECK(checkpoint_step(folder / "a_later_one") == 3);
    CHECK(!checkpoint_step(folder / "foreign"));
    CHECK(!checkpoint_step(folder / "none"));
    check_throws(
        ErrorCode::io, [&] { (void)latest_checkpoint(folder / "a file"); }, "a file");
}

TEST_CASE("left-overs of killed processes are removed, and nothing else") {
    const TemporaryDirectory folder;
    trained(1, 1)->save(folder / "ckpt_000");
    fs::create_directories(folder / ".ckpt_001.partial/state");
    put(folder / ".ckpt_001.partial/config.json", "{");
    fs::create_directories(folder / ".hidden");
    put(folder / "note.partial", "x");
    remove_partial_checkpoints(folder.path());
    CHECK(!fs::exists(folder / ".ckpt_001.partial"));
    CHECK(entries(folder.path()) == 3);
    CHECK_NOTHROW(remove_partial_checkpoints(folder / "none"));
}
