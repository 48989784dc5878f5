#include "analysis/report_support.hpp"

#include <lapidary/analysis/event_file.hpp>
#include <lapidary/analysis/run_events.hpp>
#include <lapidary/io/crc32c.hpp>

#include <array>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

using namespace lapidary;
using namespace lapidary::test;

namespace {

std::uint32_t sum(std::string_view text) { return crc32c(std::as_bytes(std::span(text))); }

template <class T>
T number_at(const std::string& bytes, std::size_t at) {
    T value{};
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

// The data of every record, whose check sums are compared on the way.
std::vector<std::string> records(const std::string& file) {
    const auto unmasked = [](std::uint32_t masked) {
        const std::uint32_t turned = masked - 0xA282EAD8U;
        return (turned >> 17) | (turned << 15);
    };
    std::vector<std::string> result;
    for (std::size_t at = 0; at < file.size();) {
        REQUIRE(at + 16 <= file.size());
        const auto size = static_cast<std::size_t>(number_at<std::uint64_t>(file, at));
        CHECK(unmasked(number_at<std::uint32_t>(file, at + 8)) == sum(std::string_view(file).substr(at, 8)));
        REQUIRE(at + 16 + size <= file.size());
        result.push_back(file.substr(at + 12, size));
        CHECK(unmasked(number_at<std::uint32_t>(file, at + 12 + size)) == sum(result.back()));
        at += 16 + size;
    }
    return result;
}

}  // namespace

TEST_CASE("CRC-32C of the examples in RFC 3720, appendix B.4") {
    CHECK(sum(std::string(32, '\0')) == 0x8A9136AAU);
    CHECK(sum(std::string(32, '\xff')) == 0x62A8AB43U);
    CHECK(sum("123456789") == 0xE3069283U);
    CHECK(sum("") == 0);
}

TEST_CASE("an event file has the bytes that TensorBoard's own writer gives it") {
    const TemporaryDirectory folder;
    const auto path = folder / "events.tfevents";
    EventFile events(path);
    const std::array<EventScalar, 2> first{{{"train/loss", 10.5}, {"train/learning_rate", 0.0}}};
    events.scalars(0, 0, first);
    const std::array<EventScalar, 2> second{{{"train/loss", 9.123456789}, {"train/learning_rate", 3e-4}}};
    events.scalars(1, 0.25, second);
    const EventScalar none{"valid/loss", std::numeric_limits<double>::quiet_NaN()};
    events.scalars(274320, 1e6, {&none, 1});
    std::string words = "    Once upon a time – “naïve” \u2028 ";
    for (int i = 0; i < 40; ++i) words += "long ";
    events.text(300, 1.5, "samples/0", words);
    events.close();
    const std::string golden =
        read_text(std::filesystem::path(LAPIDARY_TEST_DATA) / "analysis" / "data" / "events.tfevents");
    const std::string written = read_text(path);
    CHECK(written.size() == golden.size());
    CHECK((written == golden));
    CHECK(records(written).size() == 5);
}

TEST_CASE("a run as events: every step, held-out loss, scores and samples at their updates, with training time") {
    const TemporaryDirectory folder;
    const auto run = folder / "run";
    put(run / "metrics.jsonl", step_line(0) + step_line(1) + "{\"step\":1,\"validation_loss\":2.25}\n" +
                                   step_line(2, "null") + "{\"step\":3,\"lo");
    put(run / "analysis" / "evaluation.jsonl",
        R"({"step":2,"results":[{"task":"own","questions":4,"shots":0,"acc":0.5,"acc_stderr":0.25}]})"
        "\n");
    put(run / "analysis" / "samples.json",
        R"({"format":"lapidary samples 1","prompts":["Once"],"checkpoints":[{"name":"a","step":2,"texts":["\n# more"]}]})");
    const auto file = write_run_events(run, folder / "events");
    CHECK(file.filename().string().find("tfevents") != std::string::npos);
    const std::string bytes = read_text(file);
    const auto all = records(bytes);
    REQUIRE(all.size() == 1 + 3 + 1 + 1 + 1);
    CHECK(number_at<double>(all[1], 1) == 0.5);  // field 1, a double: what a step took
    CHECK(number_at<double>(all[3], 1) == 1.5);
    CHECK(all[1].find("train/gradient_norm") != std::string::npos);
    CHECK(all[4].find("valid/loss") != std::string::npos);
    CHECK(number_at<double>(all[4], 1) == 1.0);  // after two steps
    CHECK(all[4].substr(9, 2) == "\x10\x02");    // field 2: step 2
    CHECK(all[5].find("own/acc") != std::string::npos);
    CHECK(all[6].find("    Once\n    # more") != std::string::npos);  // as code, not as a headline

    write_run_events(run, folder / "events");
    CHECK((read_text(file) == bytes));
}
