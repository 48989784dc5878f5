// Runs replayed: honest ones pass, those that were tampered with do not.

#include "analysis/small_run.hpp"
#include "catch.hpp"

#include <lapidary/analysis/replay.hpp>
#include <lapidary/comm/threads.hpp>
#include <lapidary/io/checksums.hpp>

#include <bit>
#include <mutex>

using namespace lapidary;
using namespace lapidary::test;
namespace fs = std::filesystem;

namespace {

struct How {
    Index from = 0, to = SmallRun::steps;
    int threads = 1, ranks = 1;
    Zero zero = Zero::off;
    Index micro_batch = 0;
};

Finding verify(const SmallRun& run, How how = {}) {
    const RunEvidence evidence = read_evidence(run.directory);
    const TokenChunks chunks(run.data, {.batch_size = evidence.run.batch, .seed = evidence.run.seed});
    const Amber model(SmallRun::config());
    Finding finding;
    std::mutex mutex;
    const auto body = [&](auto& world) {
        Cpu device({.threads = how.threads});
        TrainState<Cpu> state(device, model.layout(),
                              {.ranks = world.size(), .rank = world.rank(), .zero = how.zero});
        const Finding own = replay(device, world, model, state, chunks, evidence,
                                   {.from = how.from, .to = how.to, .micro_batch = how.micro_batch});
        const std::lock_guard lock(mutex);
        if (world.rank() == 0) finding = own;
    };
    if (how.ranks == 1) {
        SingleProcess world;
        body(world);
    } else {
        Threads::run(how.ranks, [&](Threads& world) { body(world); });
    }
    return finding;
}

const SmallRun& honest() {
    static const TemporaryFolder folder;
    static const SmallRun run(folder / "");
    static const bool trained = (run.train({}), true);
    static_cast<void>(trained);
    return run;
}

/// Changes a bit of an element.
void flip(View<float, 1> vector, Index element, int bit) {
    float& value = vector[element];
    value = std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) ^ (1U << bit));
}

/// The name of the leaf that has an element of the flat vector.
std::string leaf_of(Index element) {
    const Amber model(SmallRun::config());
    std::string name;
    for (const Leaf& leaf : model.layout().leaves()) {
        if (leaf.offset <= element) name = leaf.name;
    }
    return name;
}
/// Some element that is a parameter, not padding between them.
Index some_element(std::uint64_t random) {
    const Amber model(SmallRun::config());
    const auto& leaves = model.layout().leaves();
    const Leaf& leaf = leaves[random % leaves.size()];
    return leaf.offset + static_cast<Index>(random / 64) % leaf.size();
}

}  // namespace

TEST_CASE("an honest run passes, wherever and however it is replayed", "[verify]") {
    const SmallRun& run = honest();
    std::vector<How> ways;
    for (const int threads : {1, 2, 3, 4}) ways.push_back({.threads = threads});
    for (const Index from : {0, 6, 12, 18}) {
        ways.push_back({.from = from, .to = from + 6, .threads = 2});
        ways.push_back({.from = from, .to = 24, .micro_batch = 1});
    }
    for (const int ranks : {2}) {
        for (const Zero zero : {Zero::off, Zero::moments, Zero::gradients, Zero::weights}) {
            ways.push_back({.ranks = ranks, .zero = zero});
            ways.push_back({.from = 6, .to = 20, .threads = 2, .ranks = ranks, .zero = zero, .micro_batch = 1});
        }
    }
    REQUIRE(ways.size() == 20);
    for (const How& how : ways) {
        const Finding finding = verify(run, how);
        INFO(finding.text);
        CHECK(finding.passed);
        CHECK(finding.states == how.to - how.from + (how.from > 0 ? 1 : 0));
        CHECK(finding.checkpoints == how.to / 6 - how.from / 6);
        CHECK(finding.step == -1);
    }
}

TEST_CASE("a hundred tamperings of a run are found, each at its step", "[verify]") {
    const TemporaryFolder folder;
    const SmallRun run(folder / "");
    const Philox random(12, "tampering");
    int found = 0;
    for (Index i = 0; found < 100; ++i) {
        const auto draw = [&](Index k) { return random.integer(static_cast<std::uint64_t>(i * 8 + k)); };
        const Index step = static_cast<Index>(draw(0) % SmallRun::steps);
        const Index element = some_element(draw(1));
        const int bit =
            static_cast<int>(draw(2) % 23);  // of the fraction: no number becomes a NaN, which ends a run
        Meddling meddling;
        Index first = step;
        std::string leaf;
        const auto once = [&](auto change) {
            meddling.before = [step, change](RunRecord& record, Index now) {
                if (now == step) change(record);
                if (now == step + 1) record.decisions = {}, record.rate.peak = 1e-2;
            };
        };
        const auto bit_of = [&](auto vector) {
            leaf = leaf_of(element);
            meddling.after = [=](TrainState<Cpu>& state, Index now) {
                if (now == step) flip(vector(state), element, bit);
            };
        };
        switch (i % 7) {
            case 0:  // another batch: the next step's
                once([&](RunRecord& record) { record.decisions.add({0, "test", true, 0, 1, 0, 0}); });
                break;
            case 1:
                if (step == 0) continue;  // its rate is 0
                once([&](RunRecord& record) { record.rate.peak *= 1 + 1e-7; });
                break;
            case 2:  // one weight by one unit in the last place
                bit_of([](TrainState<Cpu>& state) { return state.weights.view(); });
                meddling.after = [=](TrainState<Cpu>& state, Index now) {
                    if (now == step) flip(state.weights.view(), element, 0);
                };
                break;
            case 3:
                once([&](RunRecord& record) { record.decisions.add({step, "test"}); });
                break;
            case 4:
                meddling.seed = 8 + draw(3);
                first = 0;
                break;
            case 5:
                bit_of([](TrainState<Cpu>& state) { return state.m.view(); });
                break;
            default:
                bit_of([](TrainState<Cpu>& state) { return state.v.view(); });
        }
        INFO("tampering " << i << " at step " << step);
        run.train(meddling);
        const Finding finding = verify(run);
        INFO(finding.text);
        REQUIRE_FALSE(finding.passed);
        CHECK(finding.step == first);
        if (!leaf.empty()) CHECK(finding.leaf == leaf);
        ++found;
    }
}

TEST_CASE("what was changed in a run's files is found", "[verify]") {
    const TemporaryFolder folder;
    const SmallRun run(folder / "");
    run.train({});
    const auto change = [&](const fs::path& file, const std::string& from, const std::string& to) {
        std::string text = read(file);
        const std::size_t at = text.find(from);
        REQUIRE(at != std::string::npos);
        write(file, text.replace(at, from.size(), to));
    };
    const auto flip_byte = [&](const fs::path& file, long from_end) {
        std::string text = read(file);
        text[text.size() - static_cast<std::size_t>(from_end)] ^= 1;
        write(file, text);
    };
    SECTION("the rate in the manifest") {
        change(run.directory / "manifest.json", "0.001,", "0.002,");
        const Finding finding = verify(run);
        CHECK_FALSE(finding.passed);
        LearningRate was = run.definition().rate, is = was;
        is.floor = 2e-3;
        Index first = 0;
        while (was(first) == is(first)) ++first;
        CHECK(finding.step == first);
    }
    SECTION("the seed in the manifest") {
        change(run.directory / "manifest.json", "\"seed\": 7", "\"seed\": 9");
        const Finding finding = verify(run);
        CHECK_FALSE(finding.passed);
        CHECK(finding.step == 0);
    }
    SECTION("a loss in the log") {
        change(run.directory / "metrics.jsonl", "\"step\":9,\"tokens\":28,\"loss\":3.",
               "\"step\":9,\"tokens\":28,\"loss\":2.");
        const Finding finding = verify(run);
        CHECK_THAT(finding.text, ContainsSubstring("step 9: 'loss' is recorded as 2."));
        CHECK(finding.step == 9);
    }
    SECTION("a state in the record, and its chain with it") {
        const Json definition = to_json(run.definition());
        DigestRecords kept = read_digests(run.directory / "digests.jsonl", definition);
        DigestLog forged(run.directory / "digests.jsonl", definition, 0);
        kept.records[11].leaves[2] ^= 1;
        for (const DigestRecord& record : kept.records) forged.add(record.step, record.leaves);
        const Finding finding = verify(run);
        CHECK(finding.step == 11);
        CHECK(finding.leaf == Amber(SmallRun::config()).layout().leaves()[2].name);
    }
    SECTION("a state in the record alone") {
        std::string text = read(run.directory / "digests.jsonl");
        const std::size_t at = text.find("\"leaves\":\"", text.size() / 2) + 12;
        text[at] = text[at] == '0' ? '1' : '0';
        write(run.directory / "digests.jsonl", text);
        CHECK_FALSE(verify(run).passed);
        CHECK_THAT(read_evidence(run.directory).broken_chain, ContainsSubstring("the chain does not follow"));
        CHECK_THROWS_AS(DigestLog(run.directory / "digests.jsonl", to_json(run.definition()), 24), Error);
    }
    SECTION("a weight in a checkpoint, and its hash with it") {
        const fs::path checkpoint = run.directory / "checkpoints" / "step_12";
        flip_byte(checkpoint / "model.safetensors", 4);
        CHECK_THROWS_WITH(verify(run), ContainsSubstring("model.safetensors"));
        const std::string sums = read(checkpoint / "SHA256SUMS");
        const std::size_t line = sums.rfind("  model.safetensors");
        std::string forged = sums;
        forged.replace(line - 64, 64, sha256_file(checkpoint / "model.safetensors"));
        write(checkpoint / "SHA256SUMS", forged);
        Finding finding = verify(run);
        CHECK(finding.step == 11);
        CHECK_THAT(finding.text, ContainsSubstring("step_12: is not the state that the replay has after step 11"));
        finding = verify(run, {.from = 12, .to = 18});
        CHECK_THAT(finding.text, ContainsSubstring("step_12: step 11: the state differs from the recorded one"));
    }
    SECTION("a moment in a checkpoint") {
        flip_byte(run.directory / "checkpoints" / "step_18" / "state" / "moments.safetensors", 3);
        CHECK_THROWS_WITH(verify(run), ContainsSubstring("moments.safetensors"));
    }
    SECTION("a token in the data") {
        flip_byte(run.data / "chunk_001.safetensors", 2);
        CHECK_THROWS_WITH(verify(run), ContainsSubstring("chunk_001.safetensors"));
    }
}

TEST_CASE("where states are recorded now and then, the last equal one is named too", "[verify]") {
    const TemporaryFolder folder;
    const SmallRun run(folder / "");
    Meddling meddling{.digest_every = 4};
    meddling.after = [](TrainState<Cpu>& state, Index step) {
        if (step == 9) flip(state.m.view(), some_element(5), 1);
    };
    run.train(meddling);
    fs::remove(run.directory / "metrics.jsonl");  // it would tell sooner
    const Finding finding = verify(run);
    CHECK(finding.step == 11);
    CHECK_THAT(finding.text, ContainsSubstring("the last one that is equal is that of step 7"));
}

TEST_CASE("steps that cannot be replayed are refused", "[verify]") {
    const SmallRun& run = honest();
    CHECK_THROWS_WITH(verify(run, {.from = 7, .to = 12}), ContainsSubstring("no checkpoint at step 7"));
    CHECK_THROWS_WITH(verify(run, {.from = 12, .to = 25}), ContainsSubstring("the run has 24"));
    CHECK_THROWS_WITH(verify(run, {.from = 12, .to = 12}), ContainsSubstring("no steps 12 to 12"));
}
