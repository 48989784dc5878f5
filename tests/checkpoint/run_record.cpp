#include "catch.hpp"

#include <lapidary/checkpoint/run_record.hpp>
#include <lapidary/io/file.hpp>

#include <unistd.h>

#include <filesystem>
#include <string>

using namespace lapidary;
namespace fs = std::filesystem;

namespace {

struct Folder {
    fs::path path = fs::temp_directory_path() / ("lapidary_run_record_" + std::to_string(::getpid()));
    Folder() {
        fs::remove_all(path);
        fs::create_directories(path);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { fs::remove_all(path); }
};

void add_checkpoint(const fs::path& run, const std::string& name, Index step, bool complete = true) {
    const fs::path directory = run / "checkpoints" / name;
    fs::create_directories(directory / "state");
    write_json(directory / "state" / "state.json", {{"step", step}});
    if (complete) write_file_durably(directory / "SHA256SUMS", "");
}

}  // namespace

TEST_CASE("a run's manifest says what its steps saw", "[run_record]") {
    const Folder folder;
    RunDefinition defined;
    defined.model = "amber";
    defined.config = {{"hidden_size", 16}};
    defined.data = "abc";
    defined.seed = 7;
    defined.batch = 4;
    defined.lanes = 2;
    defined.steps = 10;
    defined.rate = {Decay::linear, 1e-3, 1e-4, 2, 10};
    defined.adamw = {0.9, 0.95, 1e-8, 0.1};
    defined.clip = 1;
    const Json definition = to_json(defined);
    record_manifest(folder.path, definition, Json::object());
    const RunRecord run = read_run(folder.path);
    CHECK(run.data == "abc");
    CHECK(run.seed == 7);
    CHECK(run.batch == 4);
    CHECK(run.steps == 10);
    CHECK(to_json(static_cast<const RunDefinition&>(run)) == definition);
    CHECK(run.rate(1) == 5e-4);
    CHECK(run.rate(10) == 1e-4);
    CHECK(run.optimizer({}).weight_decay == 0.1);
    CHECK(run.decisions.list().empty());
    const auto refusal = [&](const char* key, const Json& value) {
        Json changed = definition;
        changed[key] = value;
        write_json(folder.path / "manifest.json", {{"format", run_format}, {"definition", changed}});
        try {
            static_cast<void>(read_run(folder.path));
        } catch (const Error& error) {
            CHECK(error.code() == ErrorCode::format);
            return std::string(error.what());
        }
        return std::string("accepted");
    };
    CHECK_THAT(refusal("batch", 0), ContainsSubstring("manifest.json: 'batch' is 0"));
    CHECK_THAT(refusal("steps", Index{1} << 60), ContainsSubstring("manifest.json: 'steps' is"));
    CHECK_THAT(refusal("seed", -1), ContainsSubstring("'seed' must be a non-negative integer"));
    CHECK_THAT(refusal("data", nullptr), ContainsSubstring("'data' must be a string"));
    CHECK_THAT(refusal("adamw", {1, 2}), ContainsSubstring("'adamw' has 2 numbers, not 4"));
    CHECK_THAT(refusal("rate", {{"schedule", "steps"}}), ContainsSubstring("there is no schedule 'steps'"));
    write_json(folder.path / "manifest.json", {{"format", "other"}, {"definition", definition}});
    CHECK_THROWS_WITH(read_run(folder.path), ContainsSubstring("the format is not 'lapidary run 1'"));
    CHECK_THROWS_AS(read_run(folder.path / "nowhere"), Error);
}

TEST_CASE("checkpoints come by their steps, and tell what they have seen", "[run_record]") {
    const Folder folder;
    CHECK(checkpoints_of(folder.path).empty());
    add_checkpoint(folder.path, "step_00000012", 12);
    add_checkpoint(folder.path, "ckpt_000", 5);
    add_checkpoint(folder.path, "ckpt_001", 10);
    add_checkpoint(folder.path, "also_10", 10);
    add_checkpoint(folder.path, ".ckpt_002.partial", 3);
    add_checkpoint(folder.path, "cut_off", 2, false);
    const auto checkpoints = checkpoints_of(folder.path);
    REQUIRE(checkpoints.size() == 4);
    CHECK(checkpoints[0].directory.filename() == "ckpt_000");
    CHECK(checkpoints[1].directory.filename() == "also_10");
    CHECK(checkpoints[2].directory.filename() == "ckpt_001");
    CHECK(checkpoints[3].step == 12);
    CHECK(first_that_saw(checkpoints, 0) == &checkpoints[0]);
    CHECK(first_that_saw(checkpoints, 4) == &checkpoints[0]);
    CHECK(first_that_saw(checkpoints, 5) == &checkpoints[1]);
    CHECK(first_that_saw(checkpoints, 11) == &checkpoints[3]);
    CHECK(first_that_saw(checkpoints, 12) == nullptr);
}
