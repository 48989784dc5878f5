#include "analysis/report_support.hpp"

#include <lapidary/analysis/run_report.hpp>

using namespace lapidary;
using namespace lapidary::test;

namespace {

const std::string manifest =
    R"({"format":"lapidary run 1","definition":{"model":"amber","steps":4,"seed":18446744073709551615},"details":{}})";

// A made-up measurement: two checkpoints, three chunks.
Json memorization() {
    const auto cell = [](double score, const char* seen) {
        return Json{{"mean_score", score}, {"extractable", score / 10}, {"count", 4}, {"seen", seen}};
    };
    const Json grid{{cell(0.123456789, "all"), cell(0.1, "part"), cell(0.0, "none")},
                    {cell(0.25, "all"), cell(0.5, "all"), cell(0.75, "all")}};
    return {{"format", "lapidary memorization 1"},
            {"prefix", 2},
            {"continuation", 2},
            {"sequences", 4},
            {"checkpoints",
             {{{"name", "a"}, {"step", 2}, {"latest_seen_chunk", 0}},
              {{"name", "b"}, {"step", 4}, {"latest_seen_chunk", 2}}}},
            {"chunks", {0, 1, 2}},
            {"grid", grid},
            {"histogram", {{6, 4, 2}, {3, 4, 5}}},
            {"by_position", {{0.25, 1.0 / 3}, {0.5, 0.75}}},
            {"by_source", {{"web", grid}}},
            {"correlation", {{"scores", {{1.0, nullptr}, {nullptr, 1.0}}}}},
            {"prediction", {{{"checkpoint", "a"}, {"precision", nullptr}, {"recall", 0.5}}}},
            {"memorized",
             Json::array({{{"prefix_text", "</script>"}}, {{"prefix_text", "2"}}, {{"prefix_text", "3"}}})}};
}

}  // namespace

TEST_CASE("sections without input say which program makes it") {
    const TemporaryDirectory folder;
    const auto run = folder / "run";
    check_throws(
        ErrorCode::io, [&] { (void)run_report(run, run / "data"); }, "run",
        "neither manifest.json nor metrics.jsonl", "pretrain --run");
    put(run / "manifest.json", manifest);
    const Json report = run_report(run, run / "data");
    CHECK(report["name"] == "run");
    CHECK(report["planned_steps"] == 4);
    CHECK(report["parameters"].is_null());
    const std::pair<const char*, const char*> made[] = {{"training", "pretrain"},
                                                        {"evaluation", "evaluate"},
                                                        {"memorization", "memorize"},
                                                        {"data", "--data"},
                                                        {"samples", "report"}};
    for (const auto& [section, program] : made) {
        const auto sentence = report[section]["missing"].get<std::string>();
        CHECK_THAT(sentence, ContainsSubstring(program));
        CHECK(sentence.find('\n') == std::string::npos);
    }
    CHECK_THAT(report["record"]["verification"]["missing"].get<std::string>(),
               ContainsSubstring("verify --run RUN"));
    CHECK_THAT(report["record"]["digests"]["missing"].get<std::string>(), ContainsSubstring("digests.jsonl"));
    CHECK(report["record"]["decisions"].empty());
    CHECK(report["record"]["definition"]["seed"] == "18446744073709551615");  // more than a script's number holds
    CHECK(run_report(run.string() + "/", run / "data")["name"] == "run");
    CHECK(run_report(run, run / "data") == report);
}

TEST_CASE("a run that has begun: an empty log, then one half written line, then steps") {
    const TemporaryDirectory folder;
    const auto run = folder / "run";
    put(run / "metrics.jsonl", "");
    CHECK(run_report(run, run / "data")["training"].contains("missing"));
    put(run / "metrics.jsonl", "{\"step\":0,");
    CHECK(run_report(run, run / "data")["training"].contains("missing"));
    put(run / "metrics.jsonl", step_line(0) + "{\"step\":0,\"validation_loss\":3.25}\n");
    const Json training = run_report(run, run / "data")["training"];
    CHECK(training["loss"]["mean"] == Json{2.5});
    CHECK(training["validation"] == Json::array({{1, 3.25}}));
    CHECK(training["cut"] == false);
    put(run / "metrics.jsonl", step_line(0) + "oops\n");
    check_throws(
        ErrorCode::format, [&] { (void)run_report(run, run / "data"); }, "metrics.jsonl:2");
}

TEST_CASE("scores of evaluate and of pretrain make curves; other numbers of questions make other curves") {
    const TemporaryDirectory folder;
    const auto run = folder / "run";
    put(run / "analysis" / "evaluation.json",
        R"({"format":"lapidary evaluation 1","checkpoints":[
            {"step":4,"results":[{"task":"arc","questions":10,"shots":5,"acc":0.5,"acc_stderr":0.1,"acc_norm":0.6,"acc_norm_stderr":null,"notes":["x"]}]},
            {"step":2,"results":[{"task":"arc","questions":10,"shots":5,"acc":0.25,"acc_stderr":0.1}]}]})");
    put(run / "analysis" / "evaluation.jsonl",
        R"({"step":2,"results":[{"task":"arc","questions":10,"shots":5,"acc":0.99,"acc_stderr":0.1}]}
{"step":3,"results":[{"task":"arc","questions":10,"shots":5,"acc":0.375,"acc_stderr":0.1},{"task":"arc","questions":2,"shots":5,"acc":1.0}]}
{"step":4,"results":[{"task":"text","documents":1,"tokens":2,"words":3,"bytes":4,"log_likelihood":-5.0,"bits_per_byte":1.5}]}
{"step":5,"resul)");
    const auto curves = read_task_scores(run);
    REQUIRE(curves.size() == 4);
    CHECK(curves[0].metric == "acc");
    REQUIRE(curves[0].scores.size() == 3);
    CHECK(curves[0].scores[0].value == 0.99);  // the log goes back with the run, evaluate's file does not
    CHECK(curves[0].scores[1].value == 0.375);
    CHECK(curves[0].scores[2].step == 4);
    CHECK(curves[1].questions == 2);
    CHECK(curves[2].metric == "bits_per_byte");
    CHECK(curves[3].metric == "acc_norm");
    CHECK(std::isnan(curves[3].scores[0].standard_error));
    const Json section = evaluation_section(curves);
    CHECK(section["curves"][0]["steps"] == Json{2, 3, 4});
    CHECK(section["curves"][3]["errors"] == Json::array({nullptr}));

    put(run / "analysis" / "evaluation.jsonl", "{\"step\":1,\"results\":[]}\n{\"step\":2}\n");
    check_throws(
        ErrorCode::format, [&] { (void)read_task_scores(run); }, "evaluation.jsonl:2", "results");
    put(run / "analysis" / "evaluation.jsonl", "{\"step\":1,\"results\":[]}\n");
    put(run / "analysis" / "evaluation.json", R"({"format":"other"})");
    check_throws(
        ErrorCode::format, [&] { (void)read_task_scores(run); }, "evaluation.json", "lapidary evaluation 1");
    put(run / "analysis" / "evaluation.json", R"({"format":"lapidary evalua)");
    check_throws(
        ErrorCode::format, [&] { (void)read_task_scores(run); }, "evaluation.json", "line 1");
}

TEST_CASE("memorization becomes small: matrices of few digits, letters for what was seen, means by source") {
    const TemporaryDirectory folder;
    const auto run = folder / "run", file = run / "analysis" / "memorization.json";
    put(file, memorization().dump());
    const Json section = memorization_section(run, 2);
    CHECK(section["score"] == Json{{0.1235, 0.1, 0.0}, {0.25, 0.5, 0.75}});
    CHECK(section["seen"] == Json{"apn", "aaa"});
    CHECK(section["by_source"]["web"]["score"][1] == 0.5);
    CHECK(section["histogram"][1] == Json{3, 4, 5});
    CHECK(section["correlation"]["scores"][0] == Json{1.0, nullptr});
    CHECK_FALSE(section["correlation"].contains("extractable"));
    CHECK(section["prediction"][0]["recall"] == 0.5);
    CHECK(section["memorized"].size() == 2);

    CHECK(section["by_position"][0] == Json{0.25, 0.3333});
    Json unknown = memorization();
    unknown["grid"][0][1]["seen"] = nullptr;
    put(file, unknown.dump());
    CHECK(memorization_section(run)["seen"][0] == "aun");

    Json half = memorization();
    half["grid"].erase(1);
    put(file, half.dump());
    check_throws(
        ErrorCode::format, [&] { (void)memorization_section(run); }, "memorization.json", "'grid'", "2 rows of 3");
    put(file, memorization().dump().substr(0, 300));
    check_throws(
        ErrorCode::format, [&] { (void)memorization_section(run); }, "memorization.json", "line 1");
}

TEST_CASE("the record: hashes of whole checkpoints, what is wrong with others, decisions, replays, the chain") {
    const TemporaryDirectory folder;
    const auto run = folder / "run";
    Json whole = parse_json(manifest, "manifest");
    whole["decisions"] = Json::array({{{"step", 1}, {"reason", "made up"}, {"action", "skip"}}});
    put(run / "manifest.json", whole.dump());
    const std::string digest(64, 'a');
    put(run / "checkpoints" / "ckpt_000" / "config.json", "{}");
    put(run / "checkpoints" / "ckpt_000" / "model.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10));
    put(run / "checkpoints" / "ckpt_000" / "SHA256SUMS", digest + "  model.safetensors\n");
    put(run / "checkpoints" / "ckpt_002" / "config.json", "{}");
    const Json definition = whole["definition"];
    const std::vector<std::uint64_t> leaves{1, 2};
    const std::string first = chain_after(chain_start(definition), 0, leaves),
                      second = chain_after(first, 1, leaves);
    const auto link = [&](Index step, const std::string& chain) {
        return Json{{"step", step}, {"chain", chain}, {"leaves", detail::hex(leaves)}}.dump() + "\n";
    };
    put(run / "digests.jsonl", link(0, first) + link(1, second) + "{\"step\":2,");
    put(run / "analysis" / "verification.json",
        R"({"format":"lapidary verification 1","records":[{"kind":"replay","verdict":"PASS"}]})");
    const Json record = run_report(run, run / "data")["record"];
    REQUIRE(record["checkpoints"].size() == 3);
    CHECK(record["checkpoints"][0]["weights"] == digest);
    CHECK(record["checkpoints"][0]["sha256"] == sha256_file(run / "checkpoints" / "ckpt_000" / "SHA256SUMS"));
    CHECK(record["checkpoints"][1]["problem"] == "has no weights");
    CHECK(record["checkpoints"][2]["problem"] == "is missing");
    CHECK(record["decisions"][0]["action"] == "skip");
    CHECK(record["verification"]["records"][0]["verdict"] == "PASS");
    CHECK(record["digests"]["chain"] == second);
    CHECK(record["digests"]["broken"] == "");
    put(run / "digests.jsonl", link(0, first) + link(1, first));
    CHECK_THAT(run_report(run, run / "data")["record"]["digests"]["broken"].get<std::string>(),
               ContainsSubstring("digests.jsonl:2"));
    CHECK(record["digests"]["links"] == 2);
}

TEST_CASE("the data of another run is refused") {
    const TemporaryDirectory folder;
    put(folder / "data.json",
        R"({"format":"lapidary data 2","context":4,"vocabulary":9,"chunks":0,"validation_windows":0,"sources":[],"sha256":{},"inputs":[]})");
    CHECK(data_section(folder.path())["chunks"].empty());
    check_throws(
        ErrorCode::value, [&] { (void)data_section(folder.path(), std::string(64, '0')); }, "data.json",
        "not the data of this run");
    put(folder / "data.json",
        R"({"format":"lapidary data 2","context":4,"vocabulary":9,"chunks":1,"validation_windows":0,"sources":[],"sha256":{},"inputs":[]})");
    check_throws(
        ErrorCode::io, [&] { (void)data_section(folder.path()); }, "chunk_000.safetensors");
}

TEST_CASE("half files of samples and verifications are refused by name, not drawn") {
    const TemporaryDirectory folder;
    const auto run = folder / "run";
    put(run / "analysis" / "samples.json", R"({"format":"lapidary samples 1"})");
    check_throws(
        ErrorCode::format, [&] { (void)samples_section(run); }, "samples.json", "prompts");
    put(run / "analysis" / "verification.json", R"({"format":"lapidary verification 1","records":{}})");
    check_throws(
        ErrorCode::format, [&] { (void)record_section(run, Json::object(), {}); }, "verification.json", "records");
}
