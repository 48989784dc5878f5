#pragma once

#include <lapidary/core/device.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace lapidary {

/// Owned, zero-initialised, 64-byte aligned memory on a device. Move-only; a copy is spelled `clone`. Throws
/// Error(shape) for extents that are negative or too large to address, Error(memory) where the device has no room.
template <class T, std::size_t Rank, Device D>
class Tensor {
public:
    Tensor() = default;
    Tensor(D& device, Shape<Rank> shape)
        : device_(&device), view_(static_cast<T*>(device.allocate(byte_count<T>(shape))), shape) {}
    Tensor(Tensor&& other) noexcept
        : device_(std::exchange(other.device_, nullptr)), view_(std::exchange(other.view_, {})) {}
    Tensor& operator=(Tensor&& other) noexcept {
        std::swap(device_, other.device_);
        std::swap(view_, other.view_);
        return *this;
    }
    Tensor(const Tensor&) = delete;
    Tensor& operator=(const Tensor&) = delete;
    ~Tensor() {
        if (device_ != nullptr) device_->release(view_.data, bytes());
    }

    [[nodiscard]] View<T, Rank> view() { return view_; }
    [[nodiscard]] ConstView<T, Rank> view() const { return view_; }
    [[nodiscard]] const Shape<Rank>& shape() const { return view_.shape; }
    [[nodiscard]] Index size() const { return view_.size(); }
    [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(view_.size()) * sizeof(T); }

    /// The elements in host memory.
    [[nodiscard]] std::vector<T> to_host() const {
        std::vector<T> host(static_cast<std::size_t>(size()));
        if (device_ != nullptr) device_->download(view_.data, host.data(), bytes());
        return host;
    }

    [[nodiscard]] Tensor clone() const {
        Tensor copy(*device_, view_.shape);
        const std::vector<T> host = to_host();
        device_->upload(host.data(), copy.view_.data, bytes());
        return copy;
    }

private:
    D* device_ = nullptr;
    View<T, Rank> view_;
};

}  // namespace lapidary
