// What every communicator must do, over MPI: run it under a launcher. Exit code 1 and a sentence a problem; the
// last argument names a rank that misbehaves instead, and how: `hang 2`, `throw 2`, `exit 2`.

#include "comm/conformance.hpp"

#include <lapidary/comm/mpi.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/reference.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace lapidary;
using namespace lapidary::test;

namespace {

int conformance() {
    Mpi world;
    Cpu cpu({.threads = 1});
    Problems problems = Conformance<Cpu>(cpu).run(world);
    Reference reference;
    const Problems more = Conformance<Reference>(reference).run(world);
    problems.insert(problems.end(), more.begin(), more.end());
    for (const std::string& problem : problems) std::printf("%s\n", problem.c_str());
    if (world.rank() == 0 && problems.empty()) std::printf("%d ranks conform\n", world.size());
    return problems.empty() ? 0 : 1;
}

int misbehave(const std::string& how, int who) {
    Mpi world({.timeout = 2});
    Cpu cpu({.threads = 1});
    const auto values = scratch(cpu, Shape<1>{100000});
    fill(cpu, values, 1);
    all_reduce(cpu, world, values);
    if (world.rank() == who) {
        if (how == "hang") std::this_thread::sleep_for(std::chrono::seconds(6));
        if (how == "throw") throw std::runtime_error("this rank has had enough");
        if (how == "exit") std::_Exit(3);
        if (how == "other") all_gather(world, values, std::span<const Range>(even_parts(50000, world.size())));
    }
    all_reduce(cpu, world, values);
    all_reduce(cpu, world, values);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return argc == 3 ? misbehave(argv[1], std::atoi(argv[2])) : conformance();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
