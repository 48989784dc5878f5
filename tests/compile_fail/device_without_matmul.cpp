// says: undeclared identifier 'matmul_on'|matmul_on.+ was not declared

#include <lapidary/core/host_memory.hpp>
#include <lapidary/ops/matmul.hpp>

namespace mine {

class Abacus {
public:
    using Scalar = float;
    lapidary::Arena& scratch() { return scratch_; }
    void* allocate(std::size_t bytes) { return lapidary::HostMemory::allocate(bytes); }
    void release(void* memory, std::size_t bytes) noexcept { lapidary::HostMemory::release(memory, bytes); }
    void upload(const void* from, void* to, std::size_t bytes) { lapidary::HostMemory::copy(from, to, bytes); }
    void download(const void* from, void* to, std::size_t bytes) { lapidary::HostMemory::copy(from, to, bytes); }

private:
    lapidary::Arena scratch_;
};
static_assert(lapidary::Device<Abacus>);

#ifndef BROKEN
inline void matmul_on(Abacus&, lapidary::ConstView<float, 2>, lapidary::ConstView<float, 2>,
                      lapidary::View<float, 2>, lapidary::Store) {}
#endif

}  // namespace mine

int main() {
    mine::Abacus device;
    const auto x = lapidary::scratch(device, lapidary::Shape<2>{2, 3});
    lapidary::matmul(device, x, x, lapidary::scratch(device, lapidary::Shape<2>{2, 2}));
}
