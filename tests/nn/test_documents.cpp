// Whole models over windows of packed documents that are kept apart.

#include "catch.hpp"
#include "nn/documents.hpp"

#include <lapidary/counting.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/models/crystalcoder.hpp>
#include <lapidary/models/mistral.hpp>
#include <lapidary/models/mpt.hpp>
#include <lapidary/models/pythia.hpp>
#include <lapidary/reference.hpp>

#include <span>

using namespace lapidary;
using namespace lapidary::test;

namespace {

constexpr Index vocabulary = 31;

/// Calls check(config) with a small one of each kind of positions and of blocks.
template <class Check>
void for_each_kind(Index context, Check&& check) {
    const auto fitted = [&](auto config) {
        config.fit(vocabulary, context);
        INFO(decltype(config)::family);
        check(config);
    };
    AmberConfig amber = AmberConfig::nano();
    amber.hidden_size = 24;
    amber.intermediate_size = 20;
    amber.num_hidden_layers = 2;
    amber.num_attention_heads = 3;
    amber.num_key_value_heads = 1;
    fitted(amber);
    amber.tie_word_embeddings = true;
    amber.pad_token_id = -1;
    fitted(amber);
    MistralConfig mistral;
    static_cast<AmberConfig&>(mistral) = amber;
    mistral.sliding_window = 6;
    fitted(mistral);
    fitted(CrystalCoderConfig::at_width(48, 2, 3, 16));
    NeoxConfig neox;
    neox.hidden_size = 24;
    neox.intermediate_size = 30;
    neox.num_hidden_layers = 2;
    neox.num_attention_heads = 3;
    fitted(neox);
    MptConfig mpt;
    mpt.d_model = 24;
    mpt.n_heads = 3;
    mpt.n_layers = 2;
    mpt.clip_qkv = 0.5;
    fitted(mpt);
}

}  // namespace

TEST_CASE("documents that are kept apart are learnt as sequences of their own, at every level of recomputation") {
    SECTION("in double") {
        const PackedWindows windows(vocabulary, {{1, 9, 4, 6}, {15, 1, 1, 3}, {20}});
        for_each_kind(20, [&](const auto& config) {
            using Model = typename std::decay_t<decltype(config)>::Model;
            Reference device;
            check_documents_alone(device, Model(config), windows, 1e-12);
        });
    }
    SECTION("in float, with the same bits") {
        const PackedWindows windows(vocabulary, {{1, 70, 66, 13}, {140, 10}});
        for_each_kind(150, [&](const auto& config) {
            using Model = typename std::decay_t<decltype(config)>::Model;
            Cpu device({.threads = 2}), one({.threads = 1});
            check_documents_alone(device, Model(config), windows, 1e-5);
            const Learnt expected = learn(device, Model(config), windows, Learn::documents);
            for (const Recompute level : recompute_levels) {
                INFO(name_of(level));
                const Learnt learnt = learn(one, Model(config, level), windows, Learn::documents);
                CHECK(learnt.losses.data == expected.losses.data);
                CHECK(learnt.gradients.data == expected.gradients.data);
            }
        });
    }
}

TEST_CASE("windows of one document have the bits they have without the option") {
    PackedWindows windows(vocabulary, {{150}, {150}});
    for_each_kind(150, [&](const auto& config) {
        using Model = typename std::decay_t<decltype(config)>::Model;
        Cpu device({.threads = 2});
        const Learnt apart = learn(device, Model(config), windows, Learn::documents),
                     together = learn(device, Model(config), windows, Learn::together);
        CHECK(apart.losses.data == together.losses.data);
        CHECK(apart.gradients.data == together.gradients.data);
    });
}

TEST_CASE("the gradients of a model over documents are those of differences") {
    const PackedWindows windows(vocabulary, {{2, 3, 1}, {4, 2}});
    for_each_kind(6, [&](const auto& config) {
        using Model = typename std::decay_t<decltype(config)>::Model;
        const Model model(config, Recompute::block);
        Reference device;
        Tensor<double, 1, Reference> weights(device, {model.layout().size()}),
            gradients(device, {model.layout().size()});
        initialize(device, model.layout(), weights.view(), {.seed = 5});
        const Values noise = Values::normal(weights.view().size(), 4, 0.3);
        for (Index i = 0; i < weights.view().size(); ++i)
            weights.view()[i] = 8 * weights.view()[i] + noise.data[static_cast<std::size_t>(i)];
        const Shape<2> shape{windows.batch(), windows.time};
        const View<const std::int32_t, 2> targets(windows.targets.data(), shape);
        const Sequences inputs({windows.tokens.data(), shape}, {windows.starts.data(), shape});
        std::vector<double> losses(2);
        model.loss_and_gradients(device, weights.view(), inputs, targets, 0.1, losses,
                                 Gradients<double>(gradients.view()));
        const auto at = [&](Index i, double shift) {
            const double kept = weights.view()[i];
            weights.view()[i] += shift;
            model.loss(device, weights.view(), inputs, targets, losses);
            weights.view()[i] = kept;
            return 0.1 * (losses[0] + losses[1]);
        };
        for (const Leaf& leaf : model.layout().leaves()) {
            const Index size = Parameters<double>(weights.view())[leaf].size();
            for (Index i = leaf.offset; i < leaf.offset + size; i += std::max<Index>(1, size / 7)) {
                INFO(leaf.name << ", element " << i - leaf.offset);
                const double h = 1e-4;
                const double slope = (8 * (at(i, h) - at(i, -h)) - (at(i, 2 * h) - at(i, -2 * h))) / (12 * h);
                CHECK(gradients.view()[i] == Approx(slope).epsilon(1e-7).margin(1e-9));
            }
        }
    });
}

namespace {

/// Attention as a user may have written it, which knows nothing of documents.
class OldAttention {
    using Inner = Attention<Rotary>;

public:
    using Options = Inner::Options;
    template <class T>
    struct Saved {
        Inner::Saved<T> inner;
    };

    OldAttention(ParameterLayout& layout, const std::string& name, const Options& options)
        : inner_(layout, name, options) {}
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 Saved<Scalar<D>>& saved) const {
        inner_.forward(device, weights, x, y, saved.inner);
    }
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 KeyValueCache<Scalar<D>> cache, std::span<const CachedSequence> sequences) const {
        inner_.forward(device, weights, x, y, cache, sequences);
    }
    template <Device D>
    void backward(D& device, Weights<Scalar<D>> weights, const Saved<Scalar<D>>& saved, ConstView<Scalar<D>, 3> dy,
                  View<Scalar<D>, 3> dx, Gradients<Accumulator<D>> gradients) const {
        inner_.backward(device, weights, saved.inner, dy, dx, gradients);
    }
    static Shape<4> cache_shape(const Options& options, Index batch, Index time) {
        return Inner::cache_shape(options, batch, time);
    }

private:
    Inner inner_;
};

}  // namespace

TEST_CASE("a model that cannot keep documents apart says so, and starts must be of the ids' shape") {
    using Block = SequentialBlock<RmsNorm, OldAttention, SwiGlu>;
    AmberConfig config = AmberConfig::nano(vocabulary, 6);
    config.hidden_size = 8;
    config.num_attention_heads = 2;
    config.num_key_value_heads = 2;
    config.intermediate_size = 4;
    const auto options = static_cast<DecoderOptions<AmberBlock::Options>>(config);
    const Decoder<Block> old(
        {.embedding = options.embedding,
         .block = {.norm = options.block.norm, .attention = options.block.attention, .mlp = options.block.mlp},
         .layers = 1,
         .context = 6});
    Reference device;
    Tensor<double, 1, Reference> weights(device, {old.layout().size()});
    const std::vector<std::int32_t> ids{1, 2, 3, 4}, starts{0, 0, 2, 2};
    const auto logits = poisoned(device, Shape<3>{1, 4, vocabulary});
    const ConstView<std::int32_t, 2> row(ids.data(), {1, 4});
    CHECK_NOTHROW(old.logits(device, Weights<double>(weights.view()), row, logits));
    try {
        old.logits(device, Weights<double>(weights.view()), {row, {starts.data(), {1, 4}}}, logits);
        FAIL("not refused");
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::unsupported);
        CHECK_THAT(error.what(), ContainsSubstring("has no `starts`"));
    }
    const Amber model(config);
    Tensor<double, 1, Reference> others(device, {model.layout().size()});
    CHECK_THROWS_WITH(model.logits(device, Weights<double>(others.view()), {row, {starts.data(), {2, 2}}}, logits),
                      "[decoder] ids are [1, 4], the starts of documents are [2, 2]");
}

TEST_CASE("what a step costs is counted as if windows were one document") {
    const Amber model(AmberConfig::nano(vocabulary, 64));
    const auto count = [&](bool documents) {
        Counting device;
        const auto weights = scratch(device, Shape<1>{model.layout().size()}),
                   gradients = accumulator_scratch(device, Shape<1>{model.layout().size()});
        Sequences ids(device.scratch().allocate<std::int32_t, 2>({2, 64}));
        if (documents) ids.starts = device.scratch().allocate<std::int32_t, 2>({2, 64});
        const auto losses = accumulator_scratch(device, Shape<2>{2, 64});
        model.loss_and_gradients(device, Weights<float>(weights), ids, ids.ids, 1, losses,
                                 Gradients<float>(gradients));
        return std::pair(device.count().attention, device.count().products);
    };
    CHECK(count(true) == count(false));
}
