#pragma once

#include <lapidary/core/view.hpp>

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace lapidary {

/// Scratch memory for activations and temporaries: a stack with marks.
///
/// The arena reserves address space once and lets the operating system supply pages at first touch, so nothing
/// is allocated, copied or given back while training, and the second step touches the pages of the first. It may
/// also divide up memory that is another's, as a GPU's. Allocations are 64-byte aligned and uninitialised. Not
/// thread safe: one owner at a time.
class Arena {
public:
    static constexpr std::size_t alignment = 64;

    /// `capacity`: the most bytes the arena may ever hold; only what is touched becomes resident. `option`: how
    /// the program names that limit, for messages. Throws Error(memory) if the address space cannot be reserved.
    explicit Arena(std::size_t capacity = std::size_t{1} << 38, std::string_view option = "capacity")
        : capacity_(capacity), owner_(true), option_(option) {
        void* memory =
            ::mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) {
            throw Error(ErrorCode::memory, "arena",
                        "cannot reserve " + std::to_string(capacity) + " bytes of address space: " +
                            std::strerror(errno) + "; lower " + option_ + " or raise the limit (ulimit -v)");
        }
        ::madvise(memory, capacity, MADV_HUGEPAGE);  // a hint: fewer page faults and TLB misses
        base_ = static_cast<std::byte*>(memory);
    }
    /// Over memory that somebody else owns, 64-byte aligned, and that nobody here reads or writes.
    Arena(void* memory, std::size_t capacity, std::string_view option)
        : base_(static_cast<std::byte*>(memory)), capacity_(capacity), option_(option) {}
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;
    ~Arena() {
        if (owner_) ::munmap(base_, capacity_);
    }

    /// Uninitialised memory for `shape` elements, valid until a mark taken before it is restored.
    /// Throws Error(memory) when the capacity would be exceeded, Error(shape) as `byte_count` does.
    template <class T, std::size_t Rank>
    View<T, Rank> allocate(Shape<Rank> shape) {
        const std::size_t bytes = byte_count<T>(shape);
        const std::size_t padded = (bytes + alignment - 1) / alignment * alignment;
        if (padded > capacity_ - used_) {
            throw Error(ErrorCode::memory, "arena",
                        "no room for " + to_string(shape) + ", " + std::to_string(bytes) +
                            " bytes: " + std::to_string(used_) + " of " + std::to_string(capacity_) +
                            " bytes are in use; raise " + option_);
        }
        auto* pointer = reinterpret_cast<T*>(base_ + used_);
        used_ += padded;
        if (used_ > peak_) peak_ = used_;
        return {pointer, shape};
    }

    [[nodiscard]] std::size_t used() const { return used_; }
    /// The most bytes that were ever in use at once.
    [[nodiscard]] std::size_t peak() const { return peak_; }
    /// Begins to measure the peak anew, from what is in use now.
    void restart_peak() { peak_ = used_; }
    [[nodiscard]] std::size_t capacity() const { return capacity_; }

    /// Frees everything allocated since `mark` was `used()`.
    void restore(std::size_t mark) { used_ = mark; }

private:
    std::byte* base_ = nullptr;
    std::size_t capacity_ = 0;
    std::size_t used_ = 0;
    std::size_t peak_ = 0;
    bool owner_ = false;
    std::string option_;
};

/// Frees on leaving a scope what was allocated from the arena inside it.
class ScratchScope {
public:
    explicit ScratchScope(Arena& arena) : arena_(arena), mark_(arena.used()) {}
    ScratchScope(const ScratchScope&) = delete;
    ScratchScope& operator=(const ScratchScope&) = delete;
    ~ScratchScope() { arena_.restore(mark_); }

private:
    Arena& arena_;
    std::size_t mark_;
};

}  // namespace lapidary
