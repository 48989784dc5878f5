#include "catch.hpp"
#include "io/support.hpp"

#include <lapidary/checkpoint/run_record.hpp>
#include <lapidary/checkpoint/timeline.hpp>

#include <limits>
#include <set>

using namespace lapidary;

namespace {

Decision skip(Index step) { return {step, "bad"}; }
Decision rewind(Index step, Index back_to, Index next_batch) {
    return {step, "bad", true, back_to, next_batch, 0, 0};
}

}  // namespace

TEST_CASE("a step takes the batch of its number, or a later one after the run was rewound", "[decisions]") {
    Decisions decisions;
    CHECK(decisions.batch_of(7) == 7);
    decisions.add(rewind(12, 10, 13));  // steps 10 and on take batches 13 and on
    CHECK(decisions.batch_of(9) == 9);
    CHECK(decisions.batch_of(10) == 13);
    CHECK(decisions.batch_of(12) == 15);
    CHECK(decisions.rewindings_to(10) == 1);
    SECTION("again, from the same checkpoint") {
        decisions.add(rewind(11, 10, 15));
        CHECK(decisions.batch_of(10) == 15);
        CHECK(decisions.rewindings_to(10) == 2);
    }
    SECTION("again, from a later one") {
        decisions.add(rewind(25, 20, 29));
        CHECK(decisions.batch_of(19) == 22);
        CHECK(decisions.batch_of(20) == 29);
    }
    SECTION("again, from an earlier one: what was decided for later steps no longer counts") {
        decisions.add(rewind(11, 5, 15));
        CHECK(decisions.batch_of(4) == 4);
        CHECK(decisions.batch_of(5) == 15);
        CHECK(decisions.batch_of(10) == 20);
    }
    // The inverse, whatever was decided.
    std::set<Index> taken;
    for (Index step = 0; step < 40; ++step) {
        const Index batch = decisions.batch_of(step);
        CHECK(decisions.step_of(batch) == step);
        taken.insert(batch);
    }
    for (Index batch = 0; batch < 40; ++batch) {
        if (!taken.contains(batch)) CHECK_FALSE(decisions.step_of(batch).has_value());
    }
}

TEST_CASE("a step that was left out stays so, unless the run goes back before it", "[decisions]") {
    Decisions decisions({skip(8)});
    REQUIRE(decisions.skip_of(8) != nullptr);
    CHECK(decisions.skip_of(7) == nullptr);
    decisions.add(rewind(14, 10, 15));
    CHECK(decisions.skip_of(8) != nullptr);
    decisions.add(rewind(12, 8, 20));
    CHECK(decisions.skip_of(8) == nullptr);
    decisions.add(skip(8));
    CHECK(decisions.skip_of(8) != nullptr);
    decisions.add(skip(9));
    CHECK(decisions.skips_before(8) == 0);
    CHECK(decisions.skips_before(9) == 1);
    CHECK(decisions.skips_before(10) == 2);
    CHECK(decisions.skips_before(11) == 0);
}

TEST_CASE("decisions come back from the manifest as they were, also numbers that are none", "[decisions]") {
    const io_test::TemporaryDirectory folder;
    record_manifest(folder.path(), {{"seed", 1}}, Json::object());
    Decision first = skip(3);
    first.loss = std::numeric_limits<double>::quiet_NaN();
    first.gradient_norm = -std::numeric_limits<double>::infinity();
    record_decision(folder.path(), first);
    Decision second = rewind(9, 6, 10);
    second.loss = 0.1 + 0.2;
    record_decision(folder.path(), second);
    record_manifest(folder.path(), {{"seed", 1}}, Json::object());  // as a run that goes on does
    const Decisions read = decisions_in(read_manifest(folder.path()), "manifest");
    REQUIRE(read.list().size() == 2);
    CHECK(read.list()[0].loss != read.list()[0].loss);
    CHECK(read.list()[0].gradient_norm == first.gradient_norm);
    CHECK_FALSE(read.list()[0].rewound);
    CHECK(read.list()[1].loss == second.loss);
    CHECK(read.list()[1].back_to == 6);
    CHECK(read.list()[1].next_batch == 10);
    CHECK_THROWS_WITH(decisions_in({{"decisions", {{{"step", 1}, {"reason", ""}, {"action", "hope"}}}}}, "here"),
                      ContainsSubstring("here: there is no action 'hope'"));
}

TEST_CASE("checkpoints of batches that were passed over are set aside, nothing else is", "[decisions]") {
    const io_test::TemporaryDirectory folder;
    const auto save = [&](const std::string& name, Index step, const Decisions& decisions) {
        const std::filesystem::path directory = folder / "checkpoints" / name;
        std::filesystem::create_directories(directory / "state");
        write_json(directory / "state" / "state.json",
                   {{"step", step}, {"cursor", checkpoint_cursor(decisions, step)}});
        write_file_durably(directory / "SHA256SUMS", "");
    };
    const auto names = [](const std::filesystem::path& directory) {
        std::set<std::string> result;
        if (!std::filesystem::exists(directory)) return result;
        for (const auto& entry : std::filesystem::directory_iterator(directory)) {
            result.insert(entry.path().filename().string());
        }
        return result;
    };
    Decisions decisions;
    CHECK(rewind_target(folder.path()).empty());
    CHECK(checkpoint_cursor(decisions, 10) == Json{{"next_step", 10}});
    save("ckpt_000", 10, decisions);
    save("step_00000015", 15, decisions);
    set_aside_checkpoints(folder.path(), decisions);
    CHECK(names(folder / "checkpoints").size() == 2);
    CHECK(rewind_target(folder.path()).filename() == "ckpt_000");

    decisions.add(rewind(17, 10, 18));
    CHECK(checkpoint_cursor(decisions, 10) == Json{{"next_step", 10}});
    CHECK(checkpoint_cursor(decisions, 15) == Json{{"next_step", 15}, {"last_batch", 22}});
    set_aside_checkpoints(folder.path(), decisions);
    CHECK(names(folder / "checkpoints") == std::set<std::string>{"ckpt_000"});
    save("step_00000015", 15, decisions);
    set_aside_checkpoints(folder.path(), decisions);
    CHECK(names(folder / "checkpoints") == std::set<std::string>{"ckpt_000", "step_00000015"});

    decisions.add(rewind(16, 10, 24));
    set_aside_checkpoints(folder.path(), decisions);
    CHECK(names(folder / "bad_steps" / "checkpoints") ==
          std::set<std::string>{"step_00000015", "step_00000015.2"});
}
