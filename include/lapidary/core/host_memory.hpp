#pragma once

#include <lapidary/core/error.hpp>

#include <sys/mman.h>

#include <cstddef>
#include <cstring>
#include <string>

namespace lapidary {

/// Long-lived host memory for devices whose memory is the host's: zeroed pages straight from the operating
/// system, huge where it can, so that a buffer of moments costs nothing until it is touched.
struct HostMemory {
    static void* allocate(std::size_t bytes) {
        if (bytes == 0) return nullptr;
        void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            throw Error(ErrorCode::memory, "allocate", "no " + std::to_string(bytes) + " bytes of host memory");
        }
        ::madvise(memory, bytes, MADV_HUGEPAGE);
        return memory;
    }
    static void release(void* memory, std::size_t bytes) noexcept {
        if (memory != nullptr) ::munmap(memory, bytes);
    }
    static void copy(const void* source, void* target, std::size_t bytes) {
        if (bytes != 0) std::memcpy(target, source, bytes);
    }
};

}  // namespace lapidary
