#pragma once

#include "fibers.hpp"

#include <lapidary/cuda/gpu.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace lapidary::test {

/// The order in which the threads of a block run between barriers. A kernel whose results depend on it lacks one.
enum class ThreadOrder { forward, backward, shuffled };

/// Runs the blocks of a launch one after the other, the threads of each as fibers.
class HostBlock {
public:
    HostBlock(const LaunchShape& shape, ThreadOrder order, std::function<void(HostBlock&, int)> thread)
        : shape_(checked(shape)),
          order_(order),
          threads_(static_cast<std::size_t>(shape.threads)),
          warps_(static_cast<std::size_t>(shape.threads / 32)),
          // new char[] of the exact size: AddressSanitizer sees what goes past its end
          shared_(new(std::align_val_t{16}) unsigned char[shape.shared]),
          fibers_(shape.threads, [this, thread](int i) { thread(*this, i); }) {}
    ~HostBlock() { ::operator delete[](shared_, std::align_val_t{16}); }
    HostBlock(const HostBlock&) = delete;
    HostBlock& operator=(const HostBlock&) = delete;

    /// Throws std::logic_error for threads that wait for each other in different places.
    void run(std::array<Index, 3> block) {
        position = block;
        std::memset(shared_, 0xff, shape_.shared);  // NaN
        std::fill(threads_.begin(), threads_.end(), Waits::no);
        fibers_.restart();
        std::vector<int> order(threads_.size());
        std::iota(order.begin(), order.end(), 0);
        if (order_ == ThreadOrder::backward) std::reverse(order.begin(), order.end());
        for (;;) {
            bool ran = false;
            if (order_ == ThreadOrder::shuffled) shuffle(order);
            for (const int i : order) {
                if (fibers_.finished(i) || threads_[static_cast<std::size_t>(i)] != Waits::no) continue;
                ran = true;
                fibers_.resume(i);
            }
            if (!ran && !release()) return;
        }
    }

    /// Called by the running thread: waits for all of the block, or of its warp.
    void barrier(int i) { wait(i, Waits::block); }
    void warp_barrier(int i) { wait(i, Waits::warp); }

    /// What the lanes of a warp show each other: 32 bytes each, in two rooms that take turns, so that nobody
    /// writes where somebody may still read.
    struct Warp {
        std::array<std::array<std::array<unsigned char, 32>, 32>, 2> shown;
        std::array<int, 32> turns{};
    };
    Warp& warp(int i) { return warps_[static_cast<std::size_t>(i / 32)]; }
    [[nodiscard]] unsigned char* shared() const { return shared_; }
    [[nodiscard]] const LaunchShape& shape() const { return shape_; }

    std::array<Index, 3> position{};

private:
    enum class Waits { no, warp, block };

    static const LaunchShape& checked(const LaunchShape& shape) {
        if (shape.threads < 32 || shape.threads > 1024 || shape.threads % 32 != 0)
            throw std::logic_error("a block of " + std::to_string(shape.threads) + " threads");
        if (shape.shared > std::size_t{163} * 1024)
            throw std::logic_error("a block with " + std::to_string(shape.shared) + " bytes of shared memory");
        return shape;
    }

    void wait(int i, Waits what) {
        threads_[static_cast<std::size_t>(i)] = what;
        fibers_.yield();
    }

    // Lets go whom all others have joined. Whether there was anybody.
    bool release() {
        bool any = false, waiting = false;
        for (std::size_t first = 0; first < threads_.size(); first += 32) {
            int at_warp = 0, at_block = 0, done = 0;
            for (std::size_t i = first; i < first + 32; ++i) {
                at_warp += threads_[i] == Waits::warp;
                at_block += threads_[i] == Waits::block;
                done += fibers_.finished(static_cast<int>(i));
            }
            waiting = waiting || at_warp + at_block > 0;
            if (at_warp == 32) {
                std::fill_n(threads_.begin() + static_cast<std::ptrdiff_t>(first), 32, Waits::no);
                any = true;
            } else if (at_warp > 0) {
                throw std::logic_error("lanes of a warp part: " + std::to_string(at_warp) +
                                       " wait for each other, " + std::to_string(at_block) + " at a barrier, " +
                                       std::to_string(done) + " are done");
            }
        }
        if (any || !waiting) return any;
        for (const Waits each : threads_) {
            if (each != Waits::block)
                throw std::logic_error("some threads wait at a barrier that others never reach");
        }
        std::fill(threads_.begin(), threads_.end(), Waits::no);
        return true;
    }

    void shuffle(std::vector<int>& order) {
        for (std::size_t i = order.size(); i > 1; --i) {
            random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;
            std::swap(order[i - 1], order[(random_ >> 33) % i]);
        }
    }

    LaunchShape shape_;
    ThreadOrder order_;
    std::vector<Waits> threads_;
    std::vector<Warp> warps_;
    unsigned char* shared_;
    std::uint64_t random_ = 1;
    Fibers fibers_;
};

/// What kernels see of a thread (cuda/thread.cuh), on the host.
class HostThread {
public:
    static constexpr int warp_size = 32;

    HostThread(HostBlock& block, int index) : block_(block), index_(index) {}
    HostThread(const HostThread&) = delete;
    HostThread& operator=(const HostThread&) = delete;

    [[nodiscard]] int index() const { return index_; }
    [[nodiscard]] int count() const { return block_.shape().threads; }
    [[nodiscard]] int lane() const { return index_ % warp_size; }
    [[nodiscard]] int warp() const { return index_ / warp_size; }
    [[nodiscard]] Index block(int axis) const { return block_.position[static_cast<std::size_t>(axis)]; }
    [[nodiscard]] Index blocks(int axis) const {
        const LaunchShape& shape = block_.shape();
        return axis == 0 ? shape.x : axis == 1 ? shape.y : shape.z;
    }
    template <class T>
    T* shared(std::size_t offset_bytes = 0) const {
        return reinterpret_cast<T*>(block_.shared() + offset_bytes);
    }
    void barrier() { block_.barrier(index_); }
    void warp_barrier() { block_.warp_barrier(index_); }
    template <class T>
    T shuffle(T value, int from) {
        return show(value).template of<T>(from);
    }
    template <class T>
    T shuffle_xor(T value, int mask) {
        return shuffle(value, lane() ^ mask);
    }

    void multiply_add(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
        struct Fragments {
            std::uint32_t a[4], b[2];
        } own{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
        const Shown all = show(own);
        for (int i = 0; i < 4; ++i) {
            const int row = lane() / 4 + (i >= 2 ? 8 : 0), column = 2 * (lane() % 4) + i % 2;
            float sum = 0;
            for (int k = 0; k < 16; ++k) {
                const auto left = all.of<Fragments>(row % 8 * 4 + k % 8 / 2),
                           right = all.of<Fragments>(column * 4 + k % 8 / 2);
                sum += half(left.a[(row >= 8 ? 1 : 0) + (k >= 8 ? 2 : 0)], k % 2) *
                       half(right.b[k >= 8 ? 1 : 0], k % 2);
            }
            d[i] += sum;
        }
    }
    void load_matrices(std::uint32_t (&to)[4], const bf16* row) {
        const Shown rows = show(aligned(row));
        for (int j = 0; j < 4; ++j) {
            const bf16* from = rows.of<const bf16*>(8 * j + lane() / 4) + 2 * (lane() % 4);
            to[j] = from[0].bits | static_cast<std::uint32_t>(from[1].bits) << 16;
        }
        warp_barrier();  // the instruction reads for all lanes at once
    }
    void load_transposed(std::uint32_t (&to)[4], const bf16* row) {
        const Shown rows = show(aligned(row));
        for (int j = 0; j < 4; ++j) {
            const int first = 8 * j + 2 * (lane() % 4);
            to[j] = rows.of<const bf16*>(first)[lane() / 4].bits |
                    static_cast<std::uint32_t>(rows.of<const bf16*>(first + 1)[lane() / 4].bits) << 16;
        }
        warp_barrier();
    }

    /// Copies arrive when they are waited for, not earlier; until then there are NaNs.
    void copy_async(void* shared, const void* global, bool read) {
        if (reinterpret_cast<std::uintptr_t>(shared) % 16 != 0 ||
            reinterpret_cast<std::uintptr_t>(global) % 16 != 0)
            throw std::logic_error("copy_async of memory that is not aligned");
        std::memset(shared, 0xff, 16);
        copies_.push_back({shared, read ? global : nullptr, group_});
    }
    void commit_copies() { ++group_; }
    template <int Pending>
    void wait_copies() {
        std::erase_if(copies_, [&](const Copy& copy) {
            if (copy.group >= group_ - Pending) return false;
            copy.from != nullptr ? std::memcpy(copy.to, copy.from, 16) : std::memset(copy.to, 0, 16);
            return true;
        });
    }
    /// When the kernel returns.
    void finish() const {
        if (!copies_.empty()) throw std::logic_error("a thread returns before its copies have arrived");
    }

private:
    struct Copy {
        void* to;
        const void* from;
        int group;
    };
    // The lanes' values, until the next but one time that they show some.
    struct Shown {
        const std::array<std::array<unsigned char, 32>, 32>* room;
        template <class T>
        T of(int lane) const {
            T value;
            std::memcpy(&value, (*room)[static_cast<std::size_t>(lane)].data(), sizeof(T));
            return value;
        }
    };
    template <class T>
    Shown show(const T& value) {
        static_assert(sizeof(T) <= 32);
        HostBlock::Warp& warp = block_.warp(index_);
        const auto at = static_cast<std::size_t>(lane());
        auto& room = warp.shown[static_cast<std::size_t>(warp.turns[at]++ % 2)];
        std::memcpy(room[at].data(), &value, sizeof(T));
        warp_barrier();
        return {&room};
    }
    static const bf16* aligned(const bf16* row) {
        if (reinterpret_cast<std::uintptr_t>(row) % 16 != 0) throw std::logic_error("a matrix row is not aligned");
        return row;
    }
    static float half(std::uint32_t pair, int which) {
        return static_cast<float>(
            bf16::from_bits(static_cast<std::uint16_t>(which == 0 ? pair & 0xffffU : pair >> 16)));
    }

    HostBlock& block_;
    int index_;
    std::vector<Copy> copies_;
    int group_ = 0;
};

}  // namespace lapidary::test
