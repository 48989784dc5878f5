#pragma once

#include <lapidary/cuda/cudnn/library.hpp>

#ifdef LAPIDARY_CUDNN_HEADERS

#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace lapidary {
namespace detail {

// What cuDNN calls the C++ types that attributes have.
constexpr cudnnBackendAttributeType_t cudnn_type(const std::int64_t*) { return CUDNN_TYPE_INT64; }
constexpr cudnnBackendAttributeType_t cudnn_type(const bool*) { return CUDNN_TYPE_BOOLEAN; }
constexpr cudnnBackendAttributeType_t cudnn_type(const char*) { return CUDNN_TYPE_CHAR; }
constexpr cudnnBackendAttributeType_t cudnn_type(void* const*) { return CUDNN_TYPE_VOID_PTR; }
constexpr cudnnBackendAttributeType_t cudnn_type(const cudnnHandle_t*) { return CUDNN_TYPE_HANDLE; }
constexpr cudnnBackendAttributeType_t cudnn_type(const cudnnDataType_t*) { return CUDNN_TYPE_DATA_TYPE; }
constexpr cudnnBackendAttributeType_t cudnn_type(const cudnnPointwiseMode_t*) { return CUDNN_TYPE_POINTWISE_MODE; }
constexpr cudnnBackendAttributeType_t cudnn_type(const cudnnReduceTensorOp_t*) {
    return CUDNN_TYPE_REDUCTION_OPERATOR_TYPE;
}
constexpr cudnnBackendAttributeType_t cudnn_type(const cudnnBackendHeurMode_t*) { return CUDNN_TYPE_HEUR_MODE; }
constexpr cudnnBackendAttributeType_t cudnn_type(const cudnnBackendNumericalNote_t*) {
    return CUDNN_TYPE_NUMERICAL_NOTE;
}

}  // namespace detail

/// Owns one descriptor of cuDNN's backend: something with attributes, which may be used once it is finalized.
/// Every function throws as `check_cudnn` does, and names the descriptor.
class CudnnDescriptor {
public:
    /// `name` is for messages.
    CudnnDescriptor(const Cudnn& cudnn, cudnnBackendDescriptorType_t type, std::string name)
        : cudnn_(cudnn), name_(std::move(name)) {
        check(cudnn_.create_descriptor(type, &descriptor_), "create");
    }
    CudnnDescriptor(CudnnDescriptor&& other) noexcept
        : cudnn_(other.cudnn_),
          name_(std::move(other.name_)),
          descriptor_(std::exchange(other.descriptor_, nullptr)) {}
    CudnnDescriptor& operator=(CudnnDescriptor&& other) noexcept {
        std::swap(cudnn_, other.cudnn_);
        std::swap(name_, other.name_);
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~CudnnDescriptor() {
        if (descriptor_ != nullptr) cudnn_.destroy_descriptor(descriptor_);
    }

    [[nodiscard]] cudnnBackendDescriptor_t get() const { return descriptor_; }
    [[nodiscard]] const std::string& name() const { return name_; }

    template <class T>
    void set(cudnnBackendAttributeName_t attribute, const T& value) {
        set_all(attribute, std::span<const T>(&value, 1));
    }
    void set(cudnnBackendAttributeName_t attribute, const CudnnDescriptor& value) {
        set_descriptors(attribute, std::span(&value.descriptor_, 1));
    }
    template <class T>
    void set_all(cudnnBackendAttributeName_t attribute, std::span<const T> values) {
        set_raw(attribute, detail::cudnn_type(values.data()), values.size(), values.data());
    }
    void set_descriptors(cudnnBackendAttributeName_t attribute, std::span<const cudnnBackendDescriptor_t> values) {
        set_raw(attribute, CUDNN_TYPE_BACKEND_DESCRIPTOR, values.size(), values.data());
    }
    void finalize() { check(cudnn_.finalize(descriptor_), "finalize"); }

    template <class T>
    [[nodiscard]] T value(cudnnBackendAttributeName_t attribute) const {
        T value{};
        (void)get_raw(attribute, detail::cudnn_type(&value), 1, &value);
        return value;
    }
    /// Fills `values`, or the first of them, and tells how many cuDNN has; that may be more.
    template <class T>
    std::size_t values(cudnnBackendAttributeName_t attribute, std::span<T> values) const {
        return get_raw(attribute, detail::cudnn_type(values.data()), values.size(), values.data());
    }
    /// Makes the descriptors of `values`, which exist, those that this one holds; tells how many it has.
    std::size_t descriptors(cudnnBackendAttributeName_t attribute,
                            std::span<cudnnBackendDescriptor_t> values) const {
        return get_raw(attribute, CUDNN_TYPE_BACKEND_DESCRIPTOR, values.size(), values.data());
    }

private:
    void check(cudnnStatus_t status, const char* action) const {
        if (status != CUDNN_STATUS_SUCCESS) detail::check_cudnn(cudnn_, status, action + (" the " + name_));
    }
    void set_raw(cudnnBackendAttributeName_t attribute, cudnnBackendAttributeType_t type, std::size_t count,
                 const void* values) {
        const auto status =
            cudnn_.set_attribute(descriptor_, attribute, type, static_cast<std::int64_t>(count), values);
        if (status == CUDNN_STATUS_SUCCESS) return;
        check(status, ("set attribute " + std::to_string(static_cast<int>(attribute)) + " of").c_str());
    }
    std::size_t get_raw(cudnnBackendAttributeName_t attribute, cudnnBackendAttributeType_t type, std::size_t count,
                        void* values) const {
        std::int64_t there = 0;
        const auto status =
            cudnn_.get_attribute(descriptor_, attribute, type, static_cast<std::int64_t>(count), &there, values);
        if (status != CUDNN_STATUS_SUCCESS) {
            check(status, ("get attribute " + std::to_string(static_cast<int>(attribute)) + " of").c_str());
        }
        return static_cast<std::size_t>(there);
    }

    Cudnn cudnn_;
    std::string name_;
    cudnnBackendDescriptor_t descriptor_ = nullptr;
};

}  // namespace lapidary

#endif
