#pragma once

// cuDNN as far as its attention needs it, which writes down what it is given and computes nothing.

#include <lapidary/cuda/cudnn/library.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

struct FakeDescriptor {
    cudnnBackendDescriptorType_t type{};
    std::map<int, std::vector<char>> attributes;
    bool final = false;
    std::int64_t proposal = -1;  // of a configuration or its engine

    template <class T>
    std::vector<T> all(cudnnBackendAttributeName_t name) const {
        const auto found = attributes.find(name);
        if (found == attributes.end()) return {};
        std::vector<T> values(found->second.size() / sizeof(T));
        std::memcpy(values.data(), found->second.data(), values.size() * sizeof(T));
        return values;
    }
    template <class T = std::int64_t>
    T one(cudnnBackendAttributeName_t name) const {
        T value{};
        std::memcpy(&value, attributes.at(name).data(), sizeof(T));
        return value;
    }
    const FakeDescriptor& at(cudnnBackendAttributeName_t name) const {
        return *static_cast<const FakeDescriptor*>(one<void*>(name));
    }
    bool has(cudnnBackendAttributeName_t name) const { return attributes.count(name) > 0; }
};

/// What tests look at and set.
struct FakeCudnn {
    std::map<void*, std::unique_ptr<FakeDescriptor>> live;
    int handles = 0, graphs = 0;
    cudaStream_t stream = nullptr;
    std::vector<std::string> tensors, operations;  // of all graphs, in order
    std::vector<bool> proposals{true};             // whether each is deterministic
    std::map<std::int64_t, cudnnStatus_t> unbuildable;
    std::map<int, cudnnStatus_t> unfinishable;  // by type
    std::map<std::int64_t, void*> arguments;    // of the last execution, by id
    std::map<std::int64_t, float> numbers;      // those of the arguments that are by value
    void* workspace = nullptr;
    std::int64_t executed = -1;  // the proposal
};
inline FakeCudnn fake_cudnn;

namespace fake_cudnn_detail {

inline std::string list(const std::vector<std::int64_t>& values) {
    std::string text;
    for (const std::int64_t value : values) text += (text.empty() ? "" : " ") + std::to_string(value);
    return "[" + text + "]";
}
inline std::string type_name(cudnnDataType_t type) {
    switch (type) {
        case CUDNN_DATA_FLOAT:
            return "float";
        case CUDNN_DATA_BFLOAT16:
            return "bf16";
        case CUDNN_DATA_INT32:
            return "int32";
        case CUDNN_DATA_BOOLEAN:
            return "boolean";
        default:
            return "another type";
    }
}
/// `7 bf16 [2 3 4 8] [96 8 24 1]`, then `between` or `by value`.
inline std::string describe_tensor(const FakeDescriptor& tensor) {
    return std::to_string(tensor.one(CUDNN_ATTR_TENSOR_UNIQUE_ID)) + " " +
           type_name(tensor.one<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE)) + " " +
           list(tensor.all<std::int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS)) + " " +
           list(tensor.all<std::int64_t>(CUDNN_ATTR_TENSOR_STRIDES)) +
           (tensor.one<bool>(CUDNN_ATTR_TENSOR_IS_VIRTUAL) ? " between" : "") +
           (tensor.one<bool>(CUDNN_ATTR_TENSOR_IS_BY_VALUE) ? " by value" : "");
}
inline std::string pointwise_name(const FakeDescriptor& how) {
    const std::string axis =
        how.has(CUDNN_ATTR_POINTWISE_AXIS) ? std::to_string(how.one(CUDNN_ATTR_POINTWISE_AXIS)) : "";
    switch (how.one<cudnnPointwiseMode_t>(CUDNN_ATTR_POINTWISE_MODE)) {
        case CUDNN_POINTWISE_ADD:
            return "add";
        case CUDNN_POINTWISE_SUB:
            return "subtract";
        case CUDNN_POINTWISE_MUL:
            return "multiply";
        case CUDNN_POINTWISE_DIV:
            return "divide";
        case CUDNN_POINTWISE_EXP:
            return "exp";
        case CUDNN_POINTWISE_LOG:
            return "log";
        case CUDNN_POINTWISE_GEN_INDEX:
            return "index" + axis;
        case CUDNN_POINTWISE_CMP_GE:
            return "not less";
        case CUDNN_POINTWISE_BINARY_SELECT:
            return "select";
        default:
            return "another";
    }
}
/// `subtract 5 6 -> 7`, by the ids of tensors.
inline std::string describe_operation(const FakeDescriptor& operation) {
    std::string text;
    std::vector<cudnnBackendAttributeName_t> tensors;
    if (operation.type == CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR) {
        text = "matmul";
        tensors = {CUDNN_ATTR_OPERATION_MATMUL_ADESC, CUDNN_ATTR_OPERATION_MATMUL_BDESC,
                   CUDNN_ATTR_OPERATION_MATMUL_CDESC};
    } else if (operation.type == CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR) {
        text = pointwise_name(operation.at(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR));
        tensors = {CUDNN_ATTR_OPERATION_POINTWISE_XDESC, CUDNN_ATTR_OPERATION_POINTWISE_BDESC,
                   CUDNN_ATTR_OPERATION_POINTWISE_TDESC, CUDNN_ATTR_OPERATION_POINTWISE_YDESC};
    } else if (operation.type == CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR) {
        const FakeDescriptor& how = operation.at(CUDNN_ATTR_OPERATION_REDUCTION_DESC);
        const auto mode = how.one<cudnnReduceTensorOp_t>(CUDNN_ATTR_REDUCTION_OPERATOR);
        text = mode == CUDNN_REDUCE_TENSOR_MAX ? "largest" : mode == CUDNN_REDUCE_TENSOR_ADD ? "sum" : "another";
        tensors = {CUDNN_ATTR_OPERATION_REDUCTION_XDESC, CUDNN_ATTR_OPERATION_REDUCTION_YDESC};
    } else {
        text = "reshape";
        tensors = {CUDNN_ATTR_OPERATION_RESHAPE_XDESC, CUDNN_ATTR_OPERATION_RESHAPE_YDESC};
    }
    for (const auto name : tensors) {
        if (!operation.has(name)) continue;
        text += (name == tensors.back() ? " -> " : " ") +
                std::to_string(operation.at(name).one(CUDNN_ATTR_TENSOR_UNIQUE_ID));
    }
    return text;
}

inline cudnnStatus_t finalize(cudnnBackendDescriptor_t raw) {
    FakeDescriptor& descriptor = *static_cast<FakeDescriptor*>(raw);
    if (const auto found = fake_cudnn.unfinishable.find(descriptor.type); found != fake_cudnn.unfinishable.end()) {
        return found->second;
    }
    switch (descriptor.type) {
        case CUDNN_BACKEND_TENSOR_DESCRIPTOR:
            fake_cudnn.tensors.push_back(describe_tensor(descriptor));
            break;
        case CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR:
        case CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR:
        case CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR:
        case CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR:
            fake_cudnn.operations.push_back(describe_operation(descriptor));
            break;
        case CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR:
            ++fake_cudnn.graphs;
            break;
        case CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR: {
            descriptor.proposal = descriptor.at(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG).proposal;
            const auto found = fake_cudnn.unbuildable.find(descriptor.proposal);
            if (found != fake_cudnn.unbuildable.end()) return found->second;
            break;
        }
        default:
            break;
    }
    descriptor.final = true;
    return CUDNN_STATUS_SUCCESS;
}

inline cudnnStatus_t set_attribute(cudnnBackendDescriptor_t raw, cudnnBackendAttributeName_t name,
                                   cudnnBackendAttributeType_t type, std::int64_t count, const void* values) {
    FakeDescriptor& descriptor = *static_cast<FakeDescriptor*>(raw);
    if (descriptor.final) return CUDNN_STATUS_BAD_PARAM;
    const bool byte = type == CUDNN_TYPE_BOOLEAN;
    const bool word = type == CUDNN_TYPE_INT64 || type == CUDNN_TYPE_BACKEND_DESCRIPTOR ||
                      type == CUDNN_TYPE_VOID_PTR || type == CUDNN_TYPE_HANDLE;
    const std::size_t size = byte ? 1 : word ? 8 : 4;
    if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {  // what is used must be final
        for (std::int64_t i = 0; i < count; ++i) {
            const void* used = static_cast<void* const*>(values)[i];
            if (!static_cast<const FakeDescriptor*>(used)->final) return CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED;
        }
    }
    const char* first = static_cast<const char*>(values);
    descriptor.attributes[name].assign(first, first + size * static_cast<std::size_t>(count));
    return CUDNN_STATUS_SUCCESS;
}

inline cudnnStatus_t get_attribute(cudnnBackendDescriptor_t raw, cudnnBackendAttributeName_t name,
                                   cudnnBackendAttributeType_t, std::int64_t room, std::int64_t* there,
                                   void* values) {
    FakeDescriptor& descriptor = *static_cast<FakeDescriptor*>(raw);
    const auto as = [&](std::int64_t i) { return static_cast<FakeDescriptor*>(static_cast<void**>(values)[i]); };
    *there = 1;
    if (name == CUDNN_ATTR_ENGINEHEUR_RESULTS) {
        *there = static_cast<std::int64_t>(fake_cudnn.proposals.size());
        for (std::int64_t i = 0; i < std::min(room, *there); ++i) {
            as(i)->proposal = i;
            as(i)->final = true;
        }
    } else if (name == CUDNN_ATTR_ENGINECFG_ENGINE) {
        as(0)->proposal = descriptor.proposal;
    } else if (name == CUDNN_ATTR_ENGINE_NUMERICAL_NOTE) {
        auto* notes = static_cast<cudnnBackendNumericalNote_t*>(values);
        notes[0] = CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
        notes[1] = CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC;
        *there = fake_cudnn.proposals.at(static_cast<std::size_t>(descriptor.proposal)) ? 1 : 2;
    } else if (name == CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE) {
        *static_cast<std::int64_t*>(values) = 1000;
    } else {
        return CUDNN_STATUS_BAD_PARAM;
    }
    return CUDNN_STATUS_SUCCESS;
}

inline cudnnStatus_t execute(cudnnHandle_t, cudnnBackendDescriptor_t plan, cudnnBackendDescriptor_t raw_pack) {
    const FakeDescriptor& pack = *static_cast<FakeDescriptor*>(raw_pack);
    const auto ids = pack.all<std::int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
    const auto pointers = pack.all<void*>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
    if (!pack.final || ids.size() != pointers.size()) return CUDNN_STATUS_BAD_PARAM;
    fake_cudnn.arguments.clear();
    fake_cudnn.numbers.clear();
    for (std::size_t i = 0; i < ids.size(); ++i) {
        fake_cudnn.arguments[ids[i]] = pointers[i];
        if (ids[i] > 10) fake_cudnn.numbers[ids[i]] = *static_cast<float*>(pointers[i]);
    }
    fake_cudnn.workspace = pack.one<void*>(CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
    fake_cudnn.executed = static_cast<FakeDescriptor*>(plan)->proposal;
    return CUDNN_STATUS_SUCCESS;
}

}  // namespace fake_cudnn_detail

/// The functions, after everything that was written down before is forgotten.
inline lapidary::Cudnn new_fake_cudnn() {
    fake_cudnn = {};
    lapidary::Cudnn cudnn;
    cudnn.get_version = []() -> std::size_t { return 91900; };
    cudnn.error_string = [](cudnnStatus_t) { return "cuDNN's text"; };
    cudnn.last_error_string = [](char* text, std::size_t) { std::strcpy(text, "and more of it"); };
    cudnn.create = [](cudnnHandle_t* handle) {
        ++fake_cudnn.handles;
        *handle = reinterpret_cast<cudnnHandle_t>(&fake_cudnn);
        return CUDNN_STATUS_SUCCESS;
    };
    cudnn.destroy = [](cudnnHandle_t) { return --fake_cudnn.handles, CUDNN_STATUS_SUCCESS; };
    cudnn.set_stream = [](cudnnHandle_t, cudaStream_t stream) {
        return fake_cudnn.stream = stream, CUDNN_STATUS_SUCCESS;
    };
    cudnn.create_descriptor = [](cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t* descriptor) {
        auto made = std::make_unique<FakeDescriptor>();
        made->type = type;
        *descriptor = made.get();
        fake_cudnn.live[made.get()] = std::move(made);
        return CUDNN_STATUS_SUCCESS;
    };
    cudnn.destroy_descriptor = [](cudnnBackendDescriptor_t descriptor) {
        return fake_cudnn.live.erase(descriptor) == 1 ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
    };
    cudnn.set_attribute = fake_cudnn_detail::set_attribute;
    cudnn.get_attribute = fake_cudnn_detail::get_attribute;
    cudnn.finalize = fake_cudnn_detail::finalize;
    cudnn.execute = fake_cudnn_detail::execute;
    return cudnn;
}
