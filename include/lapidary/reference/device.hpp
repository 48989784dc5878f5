#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/core/host_memory.hpp>

#include <cstddef>

namespace lapidary {

/// The yardstick: every operation as the plainest loop in double precision, on one thread. Whole models run on it,
/// for finite differences and for comparison with the fast devices.
class Reference {
public:
    using Scalar = double;

    explicit Reference(std::size_t scratch_bytes = std::size_t{1} << 36)
        : scratch_(scratch_bytes, "scratch_bytes") {}

    /// A device that may work at the same time as this one.
    [[nodiscard]] Reference sibling() const { return Reference(std::size_t{1} << 32); }

    Arena& scratch() { return scratch_; }
    void* allocate(std::size_t bytes) { return HostMemory::allocate(bytes); }
    void release(void* memory, std::size_t bytes) noexcept { HostMemory::release(memory, bytes); }
    void upload(const void* source, void* target, std::size_t bytes) { HostMemory::copy(source, target, bytes); }
    void download(const void* source, void* target, std::size_t bytes) { HostMemory::copy(source, target, bytes); }

private:
    Arena scratch_;
};
static_assert(Device<Reference>);

}  // namespace lapidary
