#pragma once

#include "checks.hpp"

#include <lapidary/core/error.hpp>
#include <lapidary/cpu.hpp>
#ifdef LAPIDARY_CUDA
#include <lapidary/cuda.hpp>
#endif

#include <CLI/CLI.hpp>

#include <string>

/// For people: the threads, or which GPU.
template <class D>
std::string device_name(const D& device) {
    if constexpr (requires { device.threads(); }) {
        return std::to_string(device.threads()) + " threads";
    } else {
        return device.name();
    }
}

/// Where a program computes: on the CPU, or on an NVIDIA GPU where it was built with CUDA.
struct DeviceChoice {
    std::string device = "cpu", precision = "bf16";
    int index = 0, threads = 0;
    bool cudnn = false, no_graphs = false;

    void add_to(CLI::App& app) {
        app.add_option("--device", device, "Where to compute")
            ->check(CLI::IsMember({"cpu", "cuda"}))
            ->capture_default_str();
        app.add_option("--precision", precision,
                       "Of weights and activations on a GPU; sums and the optimizer are in fp32 anyway")
            ->check(CLI::IsMember({"bf16", "fp32"}))
            ->capture_default_str();
        app.add_option("--gpu", index, "Which GPU [the first]")->check(number_in(0));
        app.add_flag("--cudnn", cudnn, "On a GPU, attention by cuDNN where it is there and able to; other bits");
        app.add_flag("--no-graphs", no_graphs,
                     "Launch a GPU's kernels one by one, not as CUDA graphs; same results");
        app.add_option("--threads", threads, "Threads of the CPU; results do not depend on them [all cores]")
            ->check(number_in(0));
    }
    [[nodiscard]] bool on_gpu() const { return device == "cuda"; }

    /// Throws Error(unsupported) unless this program can compute there.
    void check() const {
#ifndef LAPIDARY_CUDA
        if (on_gpu()) {
            throw lapidary::Error(
                lapidary::ErrorCode::unsupported, "device",
                "this program was built without CUDA: install the CUDA toolkit and build again, or "
                "compute on the CPU (--device cpu)");
        }
#endif
    }
#ifdef LAPIDARY_CUDA
    [[nodiscard]] lapidary::CudaOptions cuda() const {
        return {.device = index, .graphs = !no_graphs, .cudnn = cudnn};
    }
#endif
    /// Calls `run(device)`.
    template <class Run>
    void visit(Run&& run) const {
        check();
#ifdef LAPIDARY_CUDA
        if (on_gpu() && precision == "fp32") {
            lapidary::CudaSingle gpu(cuda());
            return run(gpu);
        }
        if (on_gpu()) {
            lapidary::Cuda gpu(cuda());
            return run(gpu);
        }
#endif
        lapidary::Cpu cpu({.threads = threads});
        run(cpu);
    }
};
