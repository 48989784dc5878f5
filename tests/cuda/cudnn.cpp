// Attention by cuDNN: what is handed to it, on a stand-in that writes that down.

#include <lapidary/cuda/cudnn/attention.hpp>

#include "catch.hpp"

using namespace lapidary;

#ifdef LAPIDARY_CUDNN_HEADERS

#include "cuda/fake_cudnn.hpp"

namespace {

using Lines = std::vector<std::string>;

/// Memory that is pointed at only: q, k and v in one buffer, as a model has them, and so their gradients.
struct Problem {
    explicit Problem(Index key_heads) : keys(key_heads) {
        forward.rule.scale = 0.5;
        forward.q = {at(0), {2, 3, 4, 8}, packed()};
        forward.k = {at(32), {2, 3, keys, 8}, packed()};
        forward.v = {at(32 + keys * 8), {2, 3, keys, 8}, packed()};
        forward.out = {at(1024), {2, 3, 4, 8}, {96, 32, 8}};
        forward.log_sum = {statistics, {2, 4, 3}};
        gradient = {forward.q,       forward.k,   forward.v,      forward.rule,      forward.out,
                    forward.log_sum, forward.out, heads(2048, 4), heads(2080, keys), heads(2080 + keys * 8, keys)};
    }
    Shape<3> packed() const { return {3 * 8 * (4 + 2 * keys), 8 * (4 + 2 * keys), 8}; }
    Heads<bf16> heads(Index first, Index count) { return {at(first), {2, 3, count, 8}, packed()}; }
    bf16* at(Index first) { return memory + first; }

    Index keys;
    alignas(16) bf16 memory[4096];
    float statistics[24];
    CudnnForward forward;
    CudnnGradient gradient;
};

std::byte workspace[2048];

}  // namespace

TEST_CASE("the graph of causal attention, as cuDNN expects it") {
    const Cudnn cudnn = new_fake_cudnn();
    Problem problem(2);
    CudnnAttention attention(cudnn);
    REQUIRE(attention.workspace_bytes(problem.forward) == 1000);
    CHECK(fake_cudnn.operations ==
          Lines{"matmul 1 2 -> 100", "multiply 100 11 -> 101", "index2 101 -> 102", "index3 101 -> 103",
                "not less 102 103 -> 104", "select 101 12 104 -> 105", "largest 105 -> 106",
                "subtract 105 106 -> 107", "exp 107 -> 108", "sum 108 -> 109", "log 109 -> 110",
                "add 106 110 -> 5", "divide 108 109 -> 111", "matmul 111 3 -> 4"});
    CHECK(fake_cudnn.tensors ==
          Lines{"1 bf16 [2 4 3 8] [192 8 64 1]",  // q
                "2 bf16 [2 2 8 3] [192 8 1 64]",  // k, transposed
                "3 bf16 [2 2 3 8] [192 8 64 1]",  // v
                "4 bf16 [2 4 3 8] [96 8 32 1]",   // out
                "5 float [2 4 3 1] [12 3 1 1]",   // log_sum
                "100 float [2 4 3 3] [36 9 3 1] between", "11 float [1 1 1 1] [1 1 1 1] by value",
                "101 float [2 4 3 3] [36 9 3 1] between", "102 int32 [2 4 3 3] [36 9 3 1] between",
                "103 int32 [2 4 3 3] [36 9 3 1] between", "104 boolean [2 4 3 3] [36 9 3 1] between",
                "12 float [1 1 1 1] [1 1 1 1] by value", "105 float [2 4 3 3] [36 9 3 1] between",
                "106 float [2 4 3 1] [12 3 1 1] between", "107 float [2 4 3 3] [36 9 3 1] between",
                "108 float [2 4 3 3] [36 9 3 1] between", "109 float [2 4 3 1] [12 3 1 1] between",
                "110 float [2 4 3 1] [12 3 1 1] between", "111 bf16 [2 4 3 3] [36 9 3 1] between"});
}

TEST_CASE("the graph of its gradient writes dq from one product, without sums in between") {
    const Cudnn cudnn = new_fake_cudnn();
    CudnnAttention attention(cudnn);
    Lines expected{"multiply 6 4 -> 101",      "sum 101 -> 100",         "multiply 100 13 -> 10",
                   "matmul 1 2 -> 102",        "multiply 102 11 -> 103", "subtract 103 5 -> 104",
                   "index2 104 -> 105",        "index3 104 -> 106",      "not less 105 106 -> 107",
                   "select 104 12 107 -> 108", "exp 108 -> 109",         "reshape 109 -> 110",
                   "matmul 110 6 -> 9",        "matmul 6 3 -> 111",      "subtract 111 10 -> 112",
                   "multiply 112 109 -> 113",  "multiply 113 11 -> 114", "reshape 114 -> 115",
                   "matmul 115 1 -> 8",        "reshape 2 -> 116",       "matmul 114 116 -> 7"};
    SECTION("as many key heads") {
        Problem problem(4);
        REQUIRE(attention.workspace_bytes(problem.gradient) == 1256);
        CHECK(fake_cudnn.operations == expected);
        for (const char* tensor :
             {"3 bf16 [2 4 8 3] [288 8 1 96]",  // v, transposed
              "10 float [2 4 3 1] [12 3 1 1]",  // row sums: scratch
              "7 bf16 [2 4 3 8] [288 8 96 1]", "8 bf16 [2 4 3 8] [288 8 96 1]", "9 bf16 [2 4 3 8] [288 8 96 1]",
              "110 bf16 [2 4 3 3] [36 9 1 3] between", "115 bf16 [2 4 3 3] [36 9 1 3] between",
              "114 float [2 4 3 3] [36 9 3 1] between", "116 bf16 [2 4 3 8] [288 8 96 1] between"}) {
            INFO(tensor);
            CHECK(std::count(fake_cudnn.tensors.begin(), fake_cudnn.tensors.end(), tensor) == 1);
        }
    }
    SECTION("grouped heads: dk and dv are summed over the groups") {
        Problem problem(2);
        REQUIRE(attention.workspace_bytes(problem.gradient) == 1256);
        CHECK(std::count(fake_cudnn.operations.begin(), fake_cudnn.operations.end(), "sum 111 -> 9") == 1);
        CHECK(std::count(fake_cudnn.operations.begin(), fake_cudnn.operations.end(), "sum 117 -> 8") == 1);
        CHECK(fake_cudnn.operations.size() == expected.size() + 2);
    }
}

TEST_CASE("a plan is the first deterministic proposal, made once for a shape, and all is given back") {
    const Cudnn cudnn = new_fake_cudnn();
    fake_cudnn.proposals = {false, true, true};
    fake_cudnn.unbuildable[1] = CUDNN_STATUS_NOT_SUPPORTED_SHAPE;
    Problem problem(4);
    {
        std::optional<CudnnAttention> attention{CudnnAttention(cudnn)};
        const auto stream = reinterpret_cast<cudaStream_t>(&problem);
        attention->compute(stream, problem.forward, workspace);
        CHECK(fake_cudnn.executed == 2);
        CHECK(fake_cudnn.stream == stream);
        CHECK(fake_cudnn.workspace == workspace);
        CHECK(fake_cudnn.arguments.at(3) == problem.forward.v.data);
        CHECK(fake_cudnn.arguments.at(5) == problem.statistics);
        CHECK(fake_cudnn.numbers ==
              std::map<std::int64_t, float>{{11, 0.5F}, {12, -std::numeric_limits<float>::infinity()}});
        attention->compute(stream, problem.forward, workspace);
        CHECK(fake_cudnn.graphs == 1);

        attention->compute(stream, problem.gradient, workspace);
        CHECK(fake_cudnn.graphs == 2);
        CHECK(fake_cudnn.workspace == workspace + 256);
        CHECK(fake_cudnn.arguments.at(10) == workspace);
        CHECK(fake_cudnn.arguments.at(9) == problem.gradient.dv.data);
        CHECK(fake_cudnn.numbers.at(13) == 1);
        CHECK(fake_cudnn.arguments.size() == 13);

        problem.forward.out.time_stride = 40;
        CHECK(attention->workspace_bytes(problem.forward) == 1000);
        CHECK(fake_cudnn.graphs == 3);
        CHECK_THROWS_WITH(attention->compute(stream, problem.forward, std::span(workspace).first(999)),
                          ContainsSubstring("1000 bytes, not 999"));
        CHECK(fake_cudnn.handles == 1);
    }
    CHECK(fake_cudnn.handles == 0);
    CHECK(fake_cudnn.live.empty());
}

TEST_CASE("what cuDNN does not support is remembered, and what fails is an error") {
    const Cudnn cudnn = new_fake_cudnn();
    Problem problem(4);
    CudnnAttention attention(cudnn);
    SECTION("no plan") {
        SECTION("an operation") {
            fake_cudnn.unfinishable[CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR] = CUDNN_STATUS_NOT_SUPPORTED;
        }
        SECTION("nothing deterministic") { fake_cudnn.proposals = {false}; }
        SECTION("nothing") { fake_cudnn.proposals = {}; }
        CHECK_FALSE(attention.workspace_bytes(problem.gradient).has_value());
        CHECK_FALSE(attention.refusal().empty());
        const int graphs = fake_cudnn.graphs;
        CHECK_FALSE(attention.workspace_bytes(problem.gradient).has_value());
        CHECK(fake_cudnn.graphs == graphs);
        CHECK_THROWS_WITH(attention.compute(nullptr, problem.gradient, workspace),
                          ContainsSubstring(attention.refusal()));
    }
    SECTION("an error names the descriptor, and what cuDNN says") {
        fake_cudnn.unfinishable[CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR] = CUDNN_STATUS_BAD_PARAM;
        CHECK_THROWS_WITH(
            attention.workspace_bytes(problem.forward),
            ContainsSubstring("cannot finalize the operation product: cuDNN's text: and more of it"));
    }
    SECTION("for want of memory no other way is taken") {
        fake_cudnn.proposals = {true, true};
        fake_cudnn.unbuildable[0] = CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;
        try {
            (void)attention.workspace_bytes(problem.forward);
            FAIL("no error");
        } catch (const Error& error) {
            CHECK(error.code() == ErrorCode::memory);
        }
    }
    CHECK(fake_cudnn.live.empty());
}

TEST_CASE("attention that cuDNN is not asked for") {
    Problem problem(4);
    CHECK(CudnnAttention::supports(problem.forward));
    CHECK(CudnnAttention::supports(problem.gradient));
    const auto refused = [&](auto change) {
        CudnnForward call = problem.forward;
        change(call);
        return !CudnnAttention::supports(call);
    };
    CHECK_FALSE(refused([](CudnnForward& call) { call.rule.window = 3; }));  // that is all there are
    CHECK(refused([](CudnnForward& call) { call.rule.window = 2; }));
    CHECK(refused([](CudnnForward& call) { call.rule.alibi_bias_max = 8; }));
    const std::int32_t starts[] = {0, 0, 2};
    CHECK(refused([&](CudnnForward& call) { call.rule.starts = {starts, {1, 3}}; }));
    CHECK(refused([](CudnnForward& call) { call.q.time = 2; }));
    CHECK(refused([](CudnnForward& call) { call.q.time = call.k.time = call.v.time = 1; }));
    CHECK(refused([](CudnnForward& call) { call.q.batch = 0; }));
    CHECK(refused([](CudnnForward& call) { call.q.size = 136; }));
    CHECK(refused([](CudnnForward& call) { call.q.size = 12; }));
    CHECK(refused([](CudnnForward& call) { call.k.data += 4; }));
    CHECK(refused([](CudnnForward& call) { call.out.time_stride += 4; }));
}

TEST_CASE("a cuDNN that is not there") {
    CHECK_FALSE(Cudnn::find("libno_such_cudnn.so.9").has_value());
    CHECK_THROWS_WITH(Cudnn::load("libno_such_cudnn.so.9"), ContainsSubstring("libno_such_cudnn.so.9"));
    CHECK_THROWS_WITH(Cudnn::load("libm.so.6"), ContainsSubstring("libm.so.6 has no cudnnGetVersion"));
    CHECK_FALSE(CudnnAttention::find(90, "libno_such_cudnn.so.9").has_value());
    CHECK_FALSE(CudnnAttention::find(80).has_value());
}

TEST_CASE("a cuDNN that is there takes the graphs, with or without a GPU") {
    const std::optional<Cudnn> cudnn = Cudnn::find();
    if (!cudnn) return;
    for (const Index key_heads : {1, 4}) {
        CudnnAttentionShape shape{2, 100, 4, key_heads, 64};
        shape.q = shape.k = shape.v = shape.dq = shape.dk = shape.dv = {100 * 768, 768, 64};
        shape.out = shape.dout = {100 * 256, 256, 64};
        CHECK_NOTHROW(cudnn_attention_graph(*cudnn, shape).finish(nullptr));
        CHECK_NOTHROW(cudnn_attention_gradient_graph(*cudnn, shape).finish(nullptr));
    }
}

#else

TEST_CASE("a program that was built without cuDNN has none") {
    CHECK_FALSE(built_with_cudnn);
    CHECK_FALSE(CudnnAttention::find(90).has_value());
}

#endif
