#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/cuda/cudnn/descriptor.hpp>

#ifdef LAPIDARY_CUDNN_HEADERS

#include <initializer_list>
#include <utility>
#include <vector>

namespace lapidary {

/// A tensor of a graph: the number cuDNN knows it by, and its extents.
struct CudnnTensor {
    std::int64_t id = 0;
    Shape<4> extents{};
};

/// Operations on tensors of four axes, for cuDNN to turn into one kernel or a few. Everything is computed in float
/// but indices (int32) and comparisons (boolean).
///
/// Tensors are in memory of the GPU, or numbers handed over with each execution, or between two operations only;
/// the last are written nowhere unless cuDNN decides to, and have ids from `first_between` on.
class CudnnGraph {
public:
    static constexpr std::int64_t first_between = 100;

    explicit CudnnGraph(const Cudnn& cudnn) : cudnn_(cudnn) {}

    /// In memory, aligned to 16 bytes; strides are in elements.
    CudnnTensor memory(std::int64_t id, Shape<4> extents, Shape<4> strides, cudnnDataType_t type) {
        return add({id, extents}, strides, type, Place::memory);
    }
    /// One float.
    CudnnTensor number(std::int64_t id) {
        return add({id, {1, 1, 1, 1}}, {1, 1, 1, 1}, CUDNN_DATA_FLOAT, Place::argument);
    }
    CudnnTensor between(Shape<4> extents, Shape<4> strides, cudnnDataType_t type) {
        return add({next_between_++, extents}, strides, type, Place::between);
    }
    /// Without gaps.
    CudnnTensor between(Shape<4> extents, cudnnDataType_t type = CUDNN_DATA_FLOAT) {
        return between(extents, {extents[1] * extents[2] * extents[3], extents[2] * extents[3], extents[3], 1},
                       type);
    }

    /// y = a b in the last two axes. Where b has fewer heads (axis 1), a group of heads shares one of b's.
    void matmul(CudnnTensor a, CudnnTensor b, CudnnTensor y) {
        CudnnDescriptor& how = describe(CUDNN_BACKEND_MATMUL_DESCRIPTOR, "product");
        how.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_DATA_FLOAT);
        how.finalize();
        CudnnDescriptor operation(cudnn_, CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR, "operation product");
        operation.set(CUDNN_ATTR_OPERATION_MATMUL_DESC, how);
        operation.set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, find(a));
        operation.set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, find(b));
        operation.set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, find(y));
        add(std::move(operation));
    }
    CudnnTensor matmul(CudnnTensor a, CudnnTensor b) {
        const CudnnTensor y = between({a.extents[0], a.extents[1], a.extents[2], b.extents[3]});
        matmul(a, b, y);
        return y;
    }

    /// y = mode(inputs), element by element; inputs of extent 1 are repeated. The third input of a selection says
    /// where the first is taken, not the second.
    void pointwise(cudnnPointwiseMode_t mode, std::initializer_list<CudnnTensor> inputs, CudnnTensor y,
                   cudnnDataType_t computed_in = CUDNN_DATA_FLOAT, std::int64_t axis = -1) {
        CudnnDescriptor& how = describe(CUDNN_BACKEND_POINTWISE_DESCRIPTOR, "pointwise");
        how.set(CUDNN_ATTR_POINTWISE_MODE, mode);
        how.set(CUDNN_ATTR_POINTWISE_MATH_PREC, computed_in);
        if (axis >= 0) how.set(CUDNN_ATTR_POINTWISE_AXIS, axis);
        how.finalize();
        CudnnDescriptor operation(cudnn_, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, "operation pointwise");
        operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how);
        const auto* input = inputs.begin();
        for (const auto attribute : {CUDNN_ATTR_OPERATION_POINTWISE_XDESC, CUDNN_ATTR_OPERATION_POINTWISE_BDESC,
                                     CUDNN_ATTR_OPERATION_POINTWISE_TDESC}) {
            if (input != inputs.end()) operation.set(attribute, find(*input++));
        }
        operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, find(y));
        add(std::move(operation));
    }
    /// The result has the extents of the first input.
    CudnnTensor pointwise(cudnnPointwiseMode_t mode, std::initializer_list<CudnnTensor> inputs,
                          cudnnDataType_t type = CUDNN_DATA_FLOAT, cudnnDataType_t computed_in = CUDNN_DATA_FLOAT,
                          std::int64_t axis = -1) {
        const CudnnTensor y = between(inputs.begin()->extents, type);
        pointwise(mode, inputs, y, computed_in, axis);
        return y;
    }

    /// y: x with the axes where y has extent 1, or fewer heads, summed up, or reduced to the largest.
    void reduce(cudnnReduceTensorOp_t mode, CudnnTensor x, CudnnTensor y) {
        CudnnDescriptor& how = describe(CUDNN_BACKEND_REDUCTION_DESCRIPTOR, "reduction");
        how.set(CUDNN_ATTR_REDUCTION_OPERATOR, mode);
        how.set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_DATA_FLOAT);
        how.finalize();
        CudnnDescriptor operation(cudnn_, CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR, "operation reduction");
        operation.set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, how);
        operation.set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, find(x));
        operation.set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, find(y));
        add(std::move(operation));
    }
    /// The same elements under the extents and strides of y, rounded to its type.
    void reshape(CudnnTensor x, CudnnTensor y) {
        CudnnDescriptor operation(cudnn_, CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR, "operation reshape");
        operation.set(CUDNN_ATTR_OPERATION_RESHAPE_XDESC, find(x));
        operation.set(CUDNN_ATTR_OPERATION_RESHAPE_YDESC, find(y));
        add(std::move(operation));
    }

    /// All of it, as one descriptor; `handle` says for which GPU. Without one (null) cuDNN checks the graph, but
    /// makes no plan for it.
    CudnnDescriptor finish(cudnnHandle_t handle) {
        std::vector<cudnnBackendDescriptor_t> all;
        for (const CudnnDescriptor& operation : operations_) all.push_back(operation.get());
        CudnnDescriptor graph(cudnn_, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "graph");
        graph.set_descriptors(CUDNN_ATTR_OPERATIONGRAPH_OPS, all);
        if (handle != nullptr) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle);
        graph.finalize();
        return graph;
    }

private:
    enum class Place { memory, argument, between };

    CudnnTensor add(CudnnTensor tensor, Shape<4> strides, cudnnDataType_t type, Place place) {
        CudnnDescriptor descriptor(cudnn_, CUDNN_BACKEND_TENSOR_DESCRIPTOR, "tensor " + std::to_string(tensor.id));
        descriptor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, tensor.id);
        descriptor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, type);
        descriptor.set_all<std::int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS, tensor.extents);
        descriptor.set_all<std::int64_t>(CUDNN_ATTR_TENSOR_STRIDES, strides);
        descriptor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, std::int64_t{16});
        descriptor.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, place == Place::between);
        descriptor.set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, place == Place::argument);
        descriptor.finalize();
        tensors_.emplace_back(tensor.id, std::move(descriptor));
        return tensor;
    }
    void add(CudnnDescriptor operation) {
        operation.finalize();
        operations_.push_back(std::move(operation));
    }
    CudnnDescriptor& describe(cudnnBackendDescriptorType_t type, const char* name) {
        return details_.emplace_back(cudnn_, type, name);
    }
    const CudnnDescriptor& find(CudnnTensor tensor) const {
        for (const auto& [id, descriptor] : tensors_) {
            if (id == tensor.id) return descriptor;
        }
        throw Error(ErrorCode::value, "cudnn", "the graph has no tensor " + std::to_string(tensor.id));
    }

    Cudnn cudnn_;
    std::vector<std::pair<std::int64_t, CudnnDescriptor>> tensors_;
    std::vector<CudnnDescriptor> details_, operations_;
    std::int64_t next_between_ = first_between;
};

}  // namespace lapidary

#endif
