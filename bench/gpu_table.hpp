#pragma once

#include "gpu_machine.hpp"

#include <lapidary/io/json_value.hpp>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

namespace bench {

/// A rate that somebody else has published for this work.
struct Published {
    double rate = 0;
    const char* who = "";
};

/// Measures calls on a GPU and prints one line for each: the time, what has to be moved or computed at least, and
/// the rate as a fraction of what this GPU was measured to do (the floor over the time).
class Table {
public:
    Cuda gpu;
    Ring in, out;  ///< what calls read, and what they write

    Table(lapidary::CudaOptions options, std::string only, const std::string& json)
        : gpu(options), in(gpu, ring_bytes), out(gpu, ring_bytes), only_(std::move(only)) {
        if (!json.empty()) json_.open(json);
        copied_ = copy_bandwidth(gpu, in, out);
        multiplied_ = product_rate(gpu, in, out);
        std::printf(
            "%s, %d multiprocessors: copies %.0f GB/s (read and written), 8192^3 product in bf16 %.0f TFLOP/s\n\n"
            "%-40s %11s %22s %15s %9s  %s\n",
            gpu.name().c_str(), gpu.multiprocessors(), copied_ / 1e9, multiplied_ / 1e12, "operation", "us",
            "at least", "rate", "of this", "published");
        json_ << lapidary::Json{{"gpu", gpu.name()}, {"copy_bytes/s", copied_}, {"product_FLOP/s", multiplied_}}
              << "\n";
    }

    /// For what memory limits: `amount` bytes must be read and written at least once.
    template <class Call>
    void bytes(const std::string& name, double amount, Call&& call) {
        if (const double seconds = measure(name, call); seconds > 0) print(name, seconds, amount, true, {});
    }
    /// For what arithmetic limits; a multiply-add is two. Returns seconds, 0 if it was not run.
    template <class Call>
    double flops(const std::string& name, double amount, Call&& call, Published published = {}) {
        const double seconds = measure(name, call);
        if (seconds > 0) print(name, seconds, amount, false, published);
        return seconds;
    }
    /// The line of something whose parts were measured.
    void sum(const std::string& name, double seconds, double amount, Published published = {}) {
        if (wanted(name) && seconds > 0) print(name, seconds, amount, false, published);
    }

    /// Whether all that was to be measured could be.
    [[nodiscard]] bool complete() const { return complete_; }

private:
    static constexpr std::size_t ring_bytes = std::size_t{6} << 30;  // a hundred times the L2 of an H200

    [[nodiscard]] bool wanted(const std::string& name) const { return name.find(only_) != std::string::npos; }

    // Seconds of a call: the median of rounds of calls between two synchronisations. A round is about 20 ms long,
    // and not so long that it would work on what it wrote itself.
    template <class Call>
    double measure(const std::string& name, Call& call) {
        if (!wanted(name)) return 0;
        try {
            const std::size_t before = out.taken();
            call();  // loads, chooses, tunes
            const std::size_t piece = std::max<std::size_t>(1, out.taken() - before);
            const auto most = static_cast<double>(std::max<std::size_t>(1, ring_bytes / piece - 1));
            round(2, call);
            const auto calls = static_cast<int>(std::clamp(0.02 / round(2, call), 1.0, std::min(most, 1000.0)));
            std::vector<double> seconds;
            for (int i = 0; i < 15; ++i) seconds.push_back(round(calls, call));
            return median(seconds);
        } catch (const lapidary::Error& error) {  // the others are still of interest
            (void)cudaDeviceSynchronize();
            std::printf("%-40s not run: %s\n", name.c_str(), error.what());
            complete_ = complete_ && error.code() == lapidary::ErrorCode::unsupported;
            return 0;
        }
    }
    template <class Call>
    double round(int calls, Call& call) {
        out.copy_from(in);
        lapidary::detail::check(cudaDeviceSynchronize(), "bench");
        const double start = now();
        for (int i = 0; i < calls; ++i) call();
        gpu.synchronize();
        return (now() - start) / calls;
    }

    void print(const std::string& name, double seconds, double amount, bool memory, Published published) {
        const double rate = amount / seconds, unit = memory ? 1e9 : 1e12,
                     fraction = rate / (memory ? copied_ : multiplied_);
        std::printf("%-40s %11.1f %10.2f %-11s %8.0f %-6s %8.0f%%", name.c_str(), seconds * 1e6,
                    amount / (memory ? 1e6 : 1e9), memory ? "MB" : "GFLOP", rate / unit,
                    memory ? "GB/s" : "TFLOP/s", fraction * 100);
        if (published.rate > 0) std::printf("  %.0f %s", published.rate / 1e12, published.who);
        std::printf("\n");
        std::fflush(stdout);
        lapidary::Json line{
            {"name", name}, {"seconds", seconds}, {memory ? "bytes" : "FLOP", amount}, {"fraction", fraction}};
        if (published.rate > 0)
            line.update({{"published_FLOP/s", published.rate}, {"published_by", published.who}});
        json_ << line << "\n" << std::flush;
    }

    std::string only_;
    std::ofstream json_;
    double copied_ = 0, multiplied_ = 0;
    bool complete_ = true;
};

}  // namespace bench
