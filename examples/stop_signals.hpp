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

    /// While there is one, SIGINT alone asks, anew: before, nothing was asked; afterwards it does what it did
    /// before.
    class Scope {
    public:
        Scope() : before_(std::signal(SIGINT, request)) { requested_ = 0; }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;
        ~Scope() { std::signal(SIGINT, before_); }

    private:
        void (*before_)(int);
    };

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
