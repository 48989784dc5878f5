#pragma once

#include <lapidary/cuda/cudnn/attention_call.hpp>
#include <lapidary/cuda/cudnn/graph.hpp>

#ifdef LAPIDARY_CUDNN_HEADERS

#include <utility>

namespace lapidary {

/// The ids of the tensors in memory and of the numbers.
enum class CudnnAttentionTensor : std::int64_t {
    q = 1,
    k,
    v,
    out,
    log_sum,
    dout,
    dq,
    dk,
    dv,
    row_sums,        ///< float [B, H, T], scratch: each row's sum of dout * out
    scale,           ///< a number
    minus_infinity,  ///< a number
    one,             ///< a number
};

namespace detail {

/// What the forward and the backward graph have in common. For cuDNN the axes are batch, head, time and element.
class CudnnAttentionGraph {
public:
    using Id = CudnnAttentionTensor;

    CudnnAttentionGraph(const Cudnn& cudnn, const CudnnAttentionShape& shape)
        : graph(cudnn), shape_(shape), scores_({shape.batch, shape.heads, shape.time, shape.time}) {}

    CudnnTensor rows(Id id, Index heads, Shape<3> strides) {
        return graph.memory(number(id), {shape_.batch, heads, shape_.time, shape_.size},
                            {strides[0], strides[2], strides[1], 1}, CUDNN_DATA_BFLOAT16);
    }
    CudnnTensor transposed_rows(Id id, Index heads, Shape<3> strides) {
        return graph.memory(number(id), {shape_.batch, heads, shape_.size, shape_.time},
                            {strides[0], strides[2], 1, strides[1]}, CUDNN_DATA_BFLOAT16);
    }
    CudnnTensor per_row(Id id) {
        return graph.memory(number(id), per_row_extents(), {shape_.heads * shape_.time, shape_.time, 1, 1},
                            CUDNN_DATA_FLOAT);
    }
    CudnnTensor per_row() { return graph.between(per_row_extents()); }
    CudnnTensor argument(Id id) { return graph.number(number(id)); }

    /// x^T in bf16: [B, H, T keys, T queries] of scores [B, H, T queries, T keys].
    CudnnTensor transposed_scores(CudnnTensor x) {
        const CudnnTensor y = graph.between(
            scores_, {shape_.heads * shape_.time * shape_.time, shape_.time * shape_.time, 1, shape_.time},
            CUDNN_DATA_BFLOAT16);
        graph.reshape(x, y);
        return y;
    }
    /// Where the query comes before the key: -infinity.
    CudnnTensor causal(CudnnTensor scores) {
        const CudnnTensor query =
            graph.pointwise(CUDNN_POINTWISE_GEN_INDEX, {scores}, CUDNN_DATA_INT32, CUDNN_DATA_FLOAT, 2);
        const CudnnTensor key =
            graph.pointwise(CUDNN_POINTWISE_GEN_INDEX, {scores}, CUDNN_DATA_INT32, CUDNN_DATA_FLOAT, 3);
        const CudnnTensor seen =
            graph.pointwise(CUDNN_POINTWISE_CMP_GE, {query, key}, CUDNN_DATA_BOOLEAN, CUDNN_DATA_BOOLEAN);
        return graph.pointwise(CUDNN_POINTWISE_BINARY_SELECT, {scores, argument(Id::minus_infinity), seen});
    }
    /// The gradient of k or v: left right, summed over the heads of a group.
    void key_gradient(CudnnTensor left, CudnnTensor right, CudnnTensor result) {
        if (!shape_.grouped()) return graph.matmul(left, right, result);
        const CudnnTensor by_head =
            graph.between({shape_.batch, shape_.heads, shape_.time, shape_.size}, CUDNN_DATA_BFLOAT16);
        graph.matmul(left, right, by_head);
        graph.reduce(CUDNN_REDUCE_TENSOR_ADD, by_head, result);
    }

    CudnnGraph graph;

private:
    static std::int64_t number(Id id) { return static_cast<std::int64_t>(id); }
    [[nodiscard]] Shape<4> per_row_extents() const { return {shape_.batch, shape_.heads, shape_.time, 1}; }

    CudnnAttentionShape shape_;
    Shape<4> scores_;
};

}  // namespace detail

/// out = softmax(q k^T * scale) v with a causal mask, and log_sum. cuDNN recognizes the graph by its operations
/// and their order and computes it with one kernel.
inline CudnnGraph cudnn_attention_graph(const Cudnn& cudnn, const CudnnAttentionShape& shape) {
    using Id = CudnnAttentionTensor;
    detail::CudnnAttentionGraph of(cudnn, shape);
    CudnnGraph& graph = of.graph;
    const CudnnTensor q = of.rows(Id::q, shape.heads, shape.q);
    const CudnnTensor k = of.transposed_rows(Id::k, shape.key_heads, shape.k);
    const CudnnTensor v = of.rows(Id::v, shape.key_heads, shape.v);
    const CudnnTensor out = of.rows(Id::out, shape.heads, shape.out);
    const CudnnTensor log_sum = of.per_row(Id::log_sum);

    const CudnnTensor scaled = graph.pointwise(CUDNN_POINTWISE_MUL, {graph.matmul(q, k), of.argument(Id::scale)});
    const CudnnTensor scores = of.causal(scaled);
    const CudnnTensor largest = of.per_row();
    graph.reduce(CUDNN_REDUCE_TENSOR_MAX, scores, largest);
    const CudnnTensor exponentials =
        graph.pointwise(CUDNN_POINTWISE_EXP, {graph.pointwise(CUDNN_POINTWISE_SUB, {scores, largest})});
    const CudnnTensor sum = of.per_row();
    graph.reduce(CUDNN_REDUCE_TENSOR_ADD, exponentials, sum);
    graph.pointwise(CUDNN_POINTWISE_ADD, {largest, graph.pointwise(CUDNN_POINTWISE_LOG, {sum})}, log_sum);
    const CudnnTensor weights = graph.pointwise(CUDNN_POINTWISE_DIV, {exponentials, sum}, CUDNN_DATA_BFLOAT16);
    graph.matmul(weights, v, out);
    return std::move(graph);
}

/// The gradient of the above. dq is one product of all of dS, the gradient of the scores, which for this cuDNN
/// writes to its workspace (in bf16: B * H * T * T * 2 bytes): so it needs no atomic additions, and is
/// deterministic.
inline CudnnGraph cudnn_attention_gradient_graph(const Cudnn& cudnn, const CudnnAttentionShape& shape) {
    using Id = CudnnAttentionTensor;
    detail::CudnnAttentionGraph of(cudnn, shape);
    CudnnGraph& graph = of.graph;
    const CudnnTensor q = of.rows(Id::q, shape.heads, shape.q);
    const CudnnTensor k = of.transposed_rows(Id::k, shape.key_heads, shape.k);
    const CudnnTensor v = of.transposed_rows(Id::v, shape.key_heads, shape.v);
    const CudnnTensor out = of.rows(Id::out, shape.heads, shape.out);
    const CudnnTensor log_sum = of.per_row(Id::log_sum);
    const CudnnTensor dout = of.rows(Id::dout, shape.heads, shape.dout);
    const CudnnTensor dq = of.rows(Id::dq, shape.heads, shape.dq);
    const CudnnTensor dk = of.rows(Id::dk, shape.key_heads, shape.dk);
    const CudnnTensor dv = of.rows(Id::dv, shape.key_heads, shape.dv);
    const CudnnTensor scale = of.argument(Id::scale);

    const CudnnTensor row_sums = of.per_row(Id::row_sums);
    const CudnnTensor sums = of.per_row();
    graph.reduce(CUDNN_REDUCE_TENSOR_ADD, graph.pointwise(CUDNN_POINTWISE_MUL, {dout, out}), sums);
    graph.pointwise(CUDNN_POINTWISE_MUL, {sums, of.argument(Id::one)}, row_sums);

    const CudnnTensor scaled = graph.pointwise(CUDNN_POINTWISE_MUL, {graph.matmul(q, k), scale});
    const CudnnTensor below = of.causal(graph.pointwise(CUDNN_POINTWISE_SUB, {scaled, log_sum}));
    const CudnnTensor weights = graph.pointwise(CUDNN_POINTWISE_EXP, {below});
    of.key_gradient(of.transposed_scores(weights), dout, dv);

    const CudnnTensor dweights = graph.matmul(dout, v);
    const CudnnTensor centred = graph.pointwise(CUDNN_POINTWISE_SUB, {dweights, row_sums});
    const CudnnTensor dscores =
        graph.pointwise(CUDNN_POINTWISE_MUL, {graph.pointwise(CUDNN_POINTWISE_MUL, {centred, weights}), scale});
    of.key_gradient(of.transposed_scores(dscores), q, dk);

    const CudnnTensor key_rows = graph.between({shape.batch, shape.key_heads, shape.time, shape.size},
                                               {shape.k[0], shape.k[2], shape.k[1], 1}, CUDNN_DATA_BFLOAT16);
    graph.reshape(k, key_rows);
    graph.matmul(dscores, key_rows, dq);
    return std::move(graph);
}

}  // namespace lapidary

#endif
