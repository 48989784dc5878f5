#include <lapidary/comm/nccl_bootstrap.hpp>
#include <lapidary/comm/nccl_id_file.hpp>
#include <lapidary/comm/single_process.hpp>

#include "io/support.hpp"

#include <atomic>
#include <cstring>
#include <initializer_list>
#include <thread>
#include <utility>

using namespace lapidary;
using namespace io_test;

namespace {

/// Nothing of what launchers set but `given`; afterwards all is as before.
class Environment {
public:
    Environment(std::initializer_list<std::pair<const char*, const char*>> given) {
        for (const char* name :
             {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", "SLURM_PROCID", "SLURM_NTASKS",
              "SLURM_LOCALID", "SLURM_LAUNCH_NODE_IPADDR", "SLURM_JOB_ID", "OMPI_COMM_WORLD_LOCAL_RANK"}) {
            before_.emplace_back(name, detail::variable(name));
            ::unsetenv(name);
        }
        for (const auto& [name, value] : given) ::setenv(name, value, 1);
    }
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;
    ~Environment() {
        for (const auto& [name, value] : before_) value ? ::setenv(name, value->c_str(), 1) : ::unsetenv(name);
    }

private:
    std::vector<std::pair<const char*, std::optional<std::string>>> before_;
};

void check_refused(const char* name, const char* value, const std::string& fragment) {
    const Environment torchrun{
        {"RANK", "1"}, {"WORLD_SIZE", "4"}, {"LOCAL_RANK", "1"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "2950"}};
    value != nullptr ? ::setenv(name, value, 1) : ::unsetenv(name);
    check_throws(
        ErrorCode::value, [] { (void)launch_from_environment(); }, "[launch]", name, fragment);
}

/// The last of three ranks, to whom the others send a name each.
struct Named {
    struct Pending {};
    std::string names[2];

    [[nodiscard]] int rank() const { return 2; }
    [[nodiscard]] int size() const { return 3; }
    Pending start(const Operation&, std::span<const Send>, std::span<const Receive> receives) {
        for (const Receive& each : receives) {
            std::strncpy(static_cast<char*>(each.data), names[each.from].c_str(), each.bytes);
        }
        return {};
    }
    void finish(Pending&) {}
    Named split(int, int) { return *this; }
};

using namespace std::string_literals;
const std::string id = "an id\0 with \xff bytes"s;

std::string awaited(const IdFile& file, double timeout) {
    std::string got(id.size(), ' ');
    file.await(got, timeout);
    return got;
}

}  // namespace

TEST_CASE("torchrun tells where a process stands") {
    const Environment torchrun{{"RANK", "5"},
                               {"WORLD_SIZE", "8"},
                               {"LOCAL_RANK", "1"},
                               {"MASTER_ADDR", "node-0.cluster"},
                               {"MASTER_PORT", "29500"},
                               {"SLURM_PROCID", "0"}};  // torchrun under Slurm: torchrun's count
    const Launch launch = launch_from_environment();
    CHECK(launch.rank == 5);
    CHECK(launch.size == 8);
    CHECK(launch.local_rank == 1);
    CHECK(launch.host == "node-0.cluster");
    CHECK(launch.port == 29500);
    CHECK(nccl_address(launch) == "node-0.cluster:29501");
    CHECK(local_rank_from_environment() == 1);
}

TEST_CASE("Slurm tells where a process stands") {
    const Environment slurm{{"SLURM_PROCID", "3"},
                            {"SLURM_NTASKS", "4"},
                            {"SLURM_LOCALID", "1"},
                            {"SLURM_LAUNCH_NODE_IPADDR", "10.0.0.7"},
                            {"SLURM_JOB_ID", "4012345678"}};
    Launch launch = launch_from_environment();
    CHECK(launch.rank == 3);
    CHECK(launch.size == 4);
    CHECK(launch.local_rank == 1);
    CHECK(launch.host == "10.0.0.7");
    CHECK(launch.port == 20000 + 4012345678 % 12000);
    CHECK(local_rank_from_environment() == 1);

    ::setenv("MASTER_ADDR", "fe80::1", 1);  // who sets these means them
    ::setenv("MASTER_PORT", "1234", 1);
    launch = launch_from_environment();
    CHECK(nccl_address(launch) == "[fe80::1]:1235");

    ::unsetenv("MASTER_ADDR");
    ::unsetenv("SLURM_LAUNCH_NODE_IPADDR");
    check_throws(
        ErrorCode::value, [] { (void)launch_from_environment(); },
        "SLURM_LAUNCH_NODE_IPADDR is not set, as srun does");
    ::setenv("MASTER_ADDR", "a", 1);
    ::unsetenv("MASTER_PORT");
    ::setenv("SLURM_JOB_ID", "12_3", 1);
    check_throws(
        ErrorCode::value, [] { (void)launch_from_environment(); }, "SLURM_JOB_ID", "12_3");
}

TEST_CASE("Variables that are missing or malformed are named") {
    {
        const Environment nothing{};
        check_throws(
            ErrorCode::value, [] { (void)launch_from_environment(); }, "RANK", "SLURM_PROCID");
        CHECK(!local_rank_from_environment());
    }
    for (const char* name : {"WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"}) {
        check_refused(name, nullptr, "is not set");
        check_refused(name, "", "is not set");
    }
    for (const char* text : {"x", "-1", "4", "1.0", "1 ", " 1", "99999999999999999999"}) {
        check_refused("RANK", text, "not a number from 0 to 3");
        check_refused("LOCAL_RANK", text, "not a number from 0 to 3");
    }
    check_refused("WORLD_SIZE", "0", "not a number from 1");
    check_refused("MASTER_PORT", "0", "not a number from 1 to 65534");
    check_refused("MASTER_PORT", "65535", "not a number from 1 to 65534");
    for (const char* host : {"node:1", "tcp://node", "no de", "[fe80::1]"}) {
        check_refused("MASTER_ADDR", host, "not the name or address of a machine");
    }
}

TEST_CASE("A scoped variable leaves what the user set") {
    const Environment mine{{"MASTER_ADDR", "mine"}};
    {
        const detail::ScopedVariable kept("MASTER_ADDR", "other"), made("MASTER_PORT", "1");
        CHECK(detail::variable("MASTER_ADDR") == "mine");
        CHECK(detail::variable("MASTER_PORT") == "1");
    }
    CHECK(detail::variable("MASTER_ADDR") == "mine");
    CHECK(!detail::variable("MASTER_PORT"));
}

TEST_CASE("The local rank counts lower ranks on machines of the same name") {
    SingleProcess alone;
    CHECK(local_rank(alone) == 0);
    std::array<char, 256> here{};
    ::gethostname(here.data(), here.size() - 1);
    const std::string name = here.data();
    for (const auto& [first, second, expected] :
         {std::tuple{name, name, 2}, {name, name + "x", 1}, {"other", name, 1}, {"other", "third", 0}}) {
        Named world{{first, second}};
        CHECK(local_rank(world) == expected);
    }
}

TEST_CASE("Messages name ranks and seconds shortly") {
    CHECK(detail::rank_list({3}) == "rank 3");
    CHECK(detail::rank_list({3, 0, 3, 1}) == "ranks 0, 1, 3");
    std::vector<int> many;
    for (int i = 0; i < 100; ++i) many.push_back(i);
    CHECK_THAT(detail::rank_list(many), ContainsSubstring("14, 15 and 84 more"));
    CHECK(detail::seconds_text(600) == "600 s");
    CHECK(detail::seconds_text(0.25) == "0.25 s");
}

TEST_CASE("An id goes from rank 0 to the others through a file") {
    const TemporaryDirectory folder;
    const IdFile file(folder / "id", 2, "run 7");
    std::string got;
    std::thread other([&] { got = awaited(file, 60); });
    file.publish(id);
    other.join();
    CHECK(got == id);
    CHECK(entries(folder.path()) == 1);  // no temporary file
    file.publish(id);                    // over an old one
    CHECK(awaited(file, 0) == id);
}

TEST_CASE("An id file of another run is not this one's") {
    const TemporaryDirectory folder;
    const IdFile old(folder / "id", 2, "run 6"), file(folder / "id", 2, "run 7"),
        larger(folder / "id", 3, "run 6");
    check_throws(
        ErrorCode::lost_rank, [&] { (void)awaited(file, 0.05); }, "rank 0 did not write", "0.05 s",
        "No such file");
    old.publish(id);
    for (const IdFile* each : {&file, &larger}) {
        check_throws(
            ErrorCode::lost_rank, [&] { (void)awaited(*each, 0.05); }, (folder / "id").string(), "of another job");
    }
    std::string got;
    std::thread other([&] { got = awaited(file, 60); });
    file.publish("new" + id.substr(3));  // while it waits
    other.join();
    CHECK(got == "new" + id.substr(3));
}

TEST_CASE("Files that hold no id of this length are refused") {
    const TemporaryDirectory folder;
    const IdFile file(folder / "id", 2, "");
    file.publish(id + "x");
    const auto refused = [&](const std::string& fragment) {
        check_throws(
            ErrorCode::format, [&] { (void)awaited(file, 60); }, (folder / "id").string(), fragment);
    };
    refused("does not hold an id");
    file.publish(id);
    const std::string text = read_text(folder / "id");
    const std::string shorter = text.substr(0, text.size() - 1), letter = text.substr(0, text.size() - 2) + "G\n";
    for (const std::string& wrong : {text + "0", shorter, letter}) {
        put(folder / "id", wrong);
        refused("does not hold an id");
    }
    put(folder / "id", "a thesis");
    refused("is not a file of ids");
    check_throws(
        ErrorCode::format, [&] { file.publish(id); }, "left alone");
    CHECK(read_text(folder / "id") == "a thesis");
    check_throws(
        ErrorCode::io, [&] { IdFile(folder / "none/id", 2, "").publish(id); }, "none");
    check_throws(
        ErrorCode::value, [&] { IdFile(folder / "id", 2, "a\nb"); }, "more than one line");
}
