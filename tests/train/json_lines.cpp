#include "io/support.hpp"

#include <lapidary/train/json_lines.hpp>

using namespace lapidary;
using namespace io_test;

namespace {

std::string line(Index step) { return Json{{"step", step}, {"loss", 1.5}}.dump() + "\n"; }

}  // namespace

TEST_CASE("a resumed log drops the records that will be written again, and what a crash cut off") {
    const TemporaryDirectory folder;
    const auto path = folder / "metrics.jsonl";
    {
        JsonLines log(path, 0);
        for (Index step = 0; step < 4; ++step) log.write(Json{{"step", step}, {"loss", 1.5}});
    }
    CHECK(read_text(path) == line(0) + line(1) + line(2) + line(3));
    OutputFile(path, OpenMode::append).write(R"({"step": 1, "lo)");
    {
        JsonLines log(path, 2);
        CHECK(read_text(path) == line(0) + line(1));
        log.write(Json{{"step", 2}, {"loss", 1.5}});
        log.sync();
    }
    CHECK(read_text(path) == line(0) + line(1) + line(2));
    JsonLines log(path, 0);
    CHECK(read_text(path).empty());
    CHECK(entries(folder.path()) == 1);
}

TEST_CASE("records that are no records are dropped, not tripped over") {
    const TemporaryDirectory folder;
    const auto path = folder / "metrics.jsonl";
    put(path, line(0) + "\n[1]\n{\"step\": \"1\"}\n{\"loss\": 2}\n\xff\xfe\n" + line(1) + "null\n" + line(9));
    JsonLines log(path, 5);
    CHECK(read_text(path) == line(0) + line(1));
}

TEST_CASE("a record that is not finite stays JSON") {
    const TemporaryDirectory folder;
    JsonLines log(folder / "log", 0);
    StepRecord record{
        .step = 7, .tokens = 32, .loss = 2.5, .learning_rate = 0.1, .gradient_norm = INFINITY, .seconds = 2};
    log << record;
    const Json read = read_json(folder / "log");
    CHECK(read["step"] == 7);
    CHECK(read["gradient_norm"].is_null());
    CHECK(read["tokens_per_second"] == 16.0);
}

TEST_CASE("a log that cannot be written is named") {
    const TemporaryDirectory folder;
    check_throws(
        ErrorCode::io, [&] { JsonLines log(folder / "none/log", 0); }, "none/");
    std::filesystem::create_directory(folder / "log");
    check_throws(
        ErrorCode::io, [&] { JsonLines log(folder / "log", 0); }, "log: is not a regular file");
}
