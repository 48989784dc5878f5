#include <lapidary/comm/nccl.hpp>
#include <lapidary/comm/single_process.hpp>
#include <lapidary/reference.hpp>

#include "comm/fake_nccl.hpp"
#include "io/support.hpp"

#include <exception>
#include <functional>
#include <limits>
#include <thread>

using namespace lapidary;
using namespace io_test;

namespace {

/// Runs `program` as `size` ranks, which are connected through a file, and then throws what the first of them
/// threw. Catch's assertions are for one thread: ranks return what is to be checked.
template <class Result>
std::vector<Result> run(int size, const NcclOptions& options, const std::function<Result(Nccl&)>& program) {
    const TemporaryDirectory folder;
    std::vector<Result> results(static_cast<std::size_t>(size));
    std::vector<std::exception_ptr> errors(results.size());
    std::vector<std::thread> threads;
    for (int rank = 0; rank < size; ++rank) {
        threads.emplace_back([&, rank] {
            const auto mine = static_cast<std::size_t>(rank);
            try {
                Nccl world = Nccl::from_file(folder / "id", rank, size, options);
                results[mine] = program(world);
            } catch (...) {
                errors[mine] = std::current_exception();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::exception_ptr& error : errors) {
        if (error) std::rethrow_exception(error);
    }
    CHECK(entries(folder.path()) == 0);
    return results;
}

/// What `action` has to say.
template <class Action>
std::string message_of(Action action) {
    const auto error = error_of(action);
    return error ? error->what() : "nothing";
}

const NcclOptions patient{.timeout = 60, .device = 0};
const NcclOptions hasty{.timeout = 0.3, .device = 0};

}  // namespace

TEST_CASE("Collectives over several ranks give what they say") {
    for (const int size : {1, 2, 3, 5}) {
        const Index count = 37;
        const auto results = run<std::vector<double>>(size, patient, [&](Nccl& world) {
            Reference device;
            std::vector<double> values(static_cast<std::size_t>(count), world.rank() == size - 1 ? 7.0 : 0.0);
            const View<double, 1> view{values.data(), {count}};
            broadcast(world, view, size - 1);
            for (double& value : values) value += world.rank();
            barrier(world);
            all_reduce(device, world, view);
            const std::array mine{static_cast<double>(world.rank())};
            for (const double each : gather(device, world, std::span<const double>(mine))) values.push_back(each);
            values.push_back(any(device, world, world.rank() == size - 1) ? 1 : 0);
            return values;
        });
        std::vector<double> expected(static_cast<std::size_t>(count), 7.0 * size + size * (size - 1) / 2);
        for (int rank = 0; rank < size; ++rank) expected.push_back(rank);
        expected.push_back(1);
        for (const auto& result : results) CHECK(result == expected);
    }
    CHECK(fake.destroyed == 1 + 2 + 3 + 5);  // all in good order
    CHECK(fake.aborted == 0);
    CHECK(fake.ordered_streams > 0);
}

TEST_CASE("Ranks that are made have all met") {  // so that `start` waits for nobody
    fake.sent.clear();
    (void)run<int>(3, patient, [](Nccl&) { return 0; });
    CHECK(fake.sent == std::vector<std::size_t>(6, 1));
}

TEST_CASE("A split groups the ranks of a color in the order of their keys") {
    const auto results = run<std::vector<int>>(5, patient, [](Nccl& world) {
        Reference device;
        Nccl part = world.split(world.rank() % 2, -world.rank());
        const std::array mine{world.rank()};
        auto ranks = gather(device, part, std::span<const int>(mine));
        ranks.push_back(part.rank());
        Nccl pair = part.split(part.rank() / 2, 0);
        ranks.push_back(pair.size());
        return ranks;
    });
    CHECK(results[0] == std::vector{4, 2, 0, 2, 1});
    CHECK(results[1] == std::vector{3, 1, 1, 2});
    CHECK(results[2] == std::vector{4, 2, 0, 1, 2});
    CHECK(results[4] == std::vector{4, 2, 0, 0, 2});
}

TEST_CASE("A group can come from one of another kind") {
    SingleProcess alone;
    Nccl world = Nccl::from(alone);
    CHECK(world.size() == 1);
    CHECK(world.device() == 0);
    fake.sent.clear();
    const Send send{0, nullptr, 0};
    const Receive receive{0, nullptr, 0};
    exchange(world, "none", {&send, 1}, {&receive, 1});
    CHECK(fake.sent == std::vector<std::size_t>{1});  // NCCL drops messages of no bytes
    check_throws(
        ErrorCode::value, [&] { (void)Nccl::from(alone, {.device = 64}); },
        "no CUDA device 64: this process sees 64");
    for (const double timeout : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
        check_throws(
            ErrorCode::value, [&] { (void)Nccl::from(alone, {.timeout = timeout}); }, "the timeout is");
    }
    fake.devices = 1;
    ::setenv("LOCAL_RANK", "3", 1);  // where each rank sees one GPU only
    CHECK(Nccl::from_file("none", 0, 1).device() == 0);
    fake.devices = 64;
    CHECK(Nccl::from_file("none", 0, 1).device() == 3);
    ::unsetenv("LOCAL_RANK");
}

TEST_CASE("Ranks that do not come, or not any more, are named and end nothing but their group") {
    const TemporaryDirectory folder;
    check_throws(
        ErrorCode::lost_rank, [&] { (void)Nccl::from_file(folder / "id", 0, 2, hasty); },
        "[nccl] waited 0.3 s for the others of 2 ranks");
    CHECK(entries(folder.path()) == 0);
    check_throws(
        ErrorCode::lost_rank, [&] { (void)Nccl::from_file(folder / "id", 1, 2, hasty); }, "rank 0 did not write");

    fake.aborted = fake.destroyed = 0;
    const auto messages = run<std::vector<std::string>>(3, hasty, [](Nccl& world) {
        std::vector<std::string> texts;
        if (world.rank() == 2) return texts;
        double value = 0;
        const Receive receive{2, &value, sizeof value};
        for (int i = 0; i < 2; ++i) {
            texts.push_back(message_of([&] { exchange(world, {"step 5", 1.5}, {}, {&receive, 1}); }));
        }
        texts.push_back(message_of([&] { (void)world.split(0, 0); }));
        return texts;
    });
    for (const std::size_t rank : {0u, 1u}) {
        CHECK_THAT(messages[rank][0], ContainsSubstring("[step 5] waited 0.45 s for rank 2; NCCL does not tell"));
        CHECK_THAT(messages[rank][1],
                   ContainsSubstring("[step 5] this group was given up after an earlier error"));
        CHECK_THAT(messages[rank][2], ContainsSubstring("[split] this group was given up"));
    }
    CHECK(fake.aborted == 2);
    CHECK(fake.destroyed == 1);

    const auto splits = run<std::string>(2, hasty, [](Nccl& world) {
        return world.rank() == 0 ? message_of([&] { (void)world.split(0, 0); }) : "";
    });
    CHECK_THAT(splits[0], ContainsSubstring("[split] waited 0.3 s for the others of 2 ranks"));
}

TEST_CASE("Errors of NCCL and of CUDA keep their texts and have codes") {
    SingleProcess alone;
    const Send send{0, nullptr, 0};
    const Receive receive{0, nullptr, 0};
    for (const auto& [result, code] : {std::pair{ncclSystemError, ErrorCode::lost_rank},
                                       {ncclRemoteError, ErrorCode::lost_rank},
                                       {ncclInvalidArgument, ErrorCode::value},
                                       {ncclUnhandledCudaError, ErrorCode::io}}) {
        Nccl world = Nccl::from(alone);
        fake.next_send = result;
        check_throws(
            code,
            [&] {
                exchange(world, "step", {&send, 1}, {});
            },
            "[step] NCCL: NCCL's text: and more of it, together with rank 0");
        check_throws(
            ErrorCode::lost_rank,
            [&] {
                exchange(world, "step", {&send, 1}, {});
            },
            "given up");
    }

    Nccl world = Nccl::from(alone);
    auto pending = world.start("late", {}, {&receive, 1});
    const auto& group = *fake.groups.at(fake.groups.rbegin()->first);
    fake.next_query = cudaErrorLaunchFailure;
    check_throws(
        ErrorCode::io, [&] { world.finish(pending); }, "[late] CUDA cannot finish", "CUDA's text");
    group.members[0]->state = ncclRemoteError;  // while it is under way
    check_throws(
        ErrorCode::lost_rank, [&] { world.finish(pending); }, "[late] NCCL: NCCL's text", "rank 0");
}

TEST_CASE("An exchange that nobody finishes is dropped with its group") {
    SingleProcess alone;
    fake.aborted = 0;
    {
        Nccl world = Nccl::from(alone);
        const Receive receive{0, nullptr, 0};
        const auto pending = world.start("left", {}, {&receive, 1});
        CHECK(pending.done);
    }
    CHECK(fake.aborted == 1);
}
