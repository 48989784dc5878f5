#pragma once

#include <csignal>

/// SIGINT, SIGTERM and SIGUSR1 (which mpirun and Slurm hand on) ask the program to save and stop; the second one
/// stops it at once.
class StopSignals {
public:
    static void listen() {
        for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) std::signal(signal, request);
    }
    static bool requested() { return requested_ != 0; }

private:
    static void request(int signal) {
        if (requested_ != 0) {
            std::signal(signal, SIG_DFL);
            std::raise(signal);
        }
        requested_ = 1;
    }

    static inline volatile std::sig_atomic_t requested_ = 0;
};
