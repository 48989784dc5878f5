#include "checkpoint/support.hpp"

#include <cmath>
#include <limits>
using namespace checkpoint_test;
using namespace io_test;

namespace {

/// A Hugging Face directory of random weights.
struct Directory {
    TemporaryDirectory folder;
    fs::path path = folder / "hf";
    SmallRun run;
    std::vector<LooseTensor> tensors;

    Directory() {
        initialize(run.device, run.model, run.state, {.seed = 8});
        fs::create_directory(path);
        write_huggingface(run.device, run.model, run.state.weights.view(), path);
        tensors = read_tensors(path / "model.safetensors");
    }
    std::vector<float> read() {
        Tensor<float, 1, Cpu> weights(run.device, {run.model.layout().size()});
        read_weights(run.device, run.model, path, weights.view());
        return weights.to_host();
    }
    void write_index(const std::map<std::string, std::string>& where) {
        write_json(path / "model.safetensors.index.json", {{"metadata", Json::object()}, {"weight_map", where}});
    }
};

/// The first elements of a leaf.
std::vector<float> head_of(const Directory& directory, const std::vector<float>& weights, const std::string& leaf,
                           std::size_t count) {
    const auto first = weights.begin() + directory.run.model.layout().leaf(leaf).offset;
    return {first, first + static_cast<std::ptrdiff_t>(count)};
}

template <class T>
void put_elements(LooseTensor& tensor, DType dtype, const std::vector<T>& first) {
    std::vector<T> elements(static_cast<std::size_t>(element_count(tensor.spec.shape)));
    std::copy(first.begin(), first.end(), elements.begin());
    tensor.spec.dtype = dtype;
    tensor.bytes = bytes_of(elements);
}

}  // namespace

TEST_CASE("shards with an index are the single file") {
    Directory directory;
    const std::vector<float> expected = directory.read();
    std::map<std::string, std::string> where;
    std::vector<LooseTensor> shards[3];
    for (std::size_t i = 0; i < directory.tensors.size(); ++i) {
        where[directory.tensors[i].spec.name] = "model-0000" + std::to_string(i % 3 + 1) + "-of-00003.safetensors";
        shards[i % 3].push_back(directory.tensors[i]);
    }
    fs::remove(directory.path / "model.safetensors");
    for (std::size_t i = 0; i < 3; ++i) {
        write_tensors(directory.path / ("model-0000" + std::to_string(i + 1) + "-of-00003.safetensors"),
                      shards[i]);
    }
    directory.write_index(where);
    CHECK(directory.read() == expected);

    SECTION("a shard is missing") {
        fs::remove(directory.path / "model-00002-of-00003.safetensors");
        check_throws(
            ErrorCode::io, [&] { directory.read(); }, "model-00002-of-00003.safetensors", "No such file");
    }
    SECTION("a shard lacks what the index says it has") {
        shards[1].pop_back();
        write_tensors(directory.path / "model-00002-of-00003.safetensors", shards[1]);
        check_throws(
            ErrorCode::format, [&] { directory.read(); }, "model-00002-of-00003.safetensors",
            "is not in the file");
    }
    SECTION("the index lacks a tensor") {
        where.erase("lm_head.weight");
        directory.write_index(where);
        check_throws(
            ErrorCode::format, [&] { directory.read(); }, "model.safetensors.index.json",
            "'lm_head.weight' is missing");
    }
    SECTION("the index has a tensor too many") {
        where["other.weight"] = "model-00001-of-00003.safetensors";
        directory.write_index(where);
        check_throws(
            ErrorCode::format, [&] { directory.read(); }, "model.safetensors.index.json",
            "'other.weight' is no parameter");
    }
    SECTION("the index leads out of the directory") {
        for (const std::string name : {"../model-00001-of-00003.safetensors", "/etc/passwd", "", ".."}) {
            where["lm_head.weight"] = name;
            directory.write_index(where);
            CHECK_THROWS_AS(directory.read(), Error);
        }
    }
    SECTION("the index is no index") {
        put(directory.path / "model.safetensors.index.json", "{}");
        check_throws(
            ErrorCode::format, [&] { directory.read(); }, "index.json: 'weight_map' is missing");
        put(directory.path / "model.safetensors.index.json", R"({"weight_map": {"a": 1}})");
        check_throws(
            ErrorCode::format, [&] { directory.read(); }, "index.json", "['a'] must be a string");
    }
}

TEST_CASE("half, bfloat16 and double weights become the nearest float") {
    Directory directory;
    const float infinity = std::numeric_limits<float>::infinity();
    const std::vector<float> before = directory.read();
    // 1, -2, the largest and the smallest normal half, the largest and the smallest subnormal, infinities, -0.
    put_elements<std::uint16_t>(
        find(directory.tensors, "lm_head.weight"), DType::F16,
        {0x3c00, 0xc000, 0x7bff, 0x0400, 0x03ff, 0x0001, 0x8001, 0x7c00, 0xfc00, 0x8000, 0x7e00});
    // 1, -2, 2^-126, the smallest subnormal 2^-133, infinity, pi to eight bits.
    put_elements<std::uint16_t>(find(directory.tensors, "model.norm.weight"), DType::BF16,
                                {0x3f80, 0xc000, 0x0080, 0x0001, 0x7f80, 0x4049});
    put_elements<double>(find(directory.tensors, "model.embed_tokens.weight"), DType::F64,
                         {1.0 / 3, 1 + 0x1p-24 + 0x1p-40, 1e-46, 1e300, -0.0, -infinity});
    write_tensors(directory.path / "model.safetensors", directory.tensors);
    const std::vector<float> weights = directory.read();

    const auto halves = head_of(directory, weights, "head", 12);
    CHECK(std::vector<float>(halves.begin(), halves.begin() + 9) ==
          std::vector<float>{1, -2, 65504, 0x1p-14F, 0x1.ff8p-15F, 0x1p-24F, -0x1p-24F, infinity, -infinity});
    CHECK((halves[9] == 0 && std::signbit(halves[9])));
    CHECK(std::isnan(halves[10]));
    CHECK(halves[11] == 0);
    CHECK(head_of(directory, weights, "norm.gain", 7) ==
          std::vector<float>{1, -2, 0x1p-126F, 0x1p-133F, infinity, 3.140625F, 0});
    const auto doubles = head_of(directory, weights, "embedding", 7);
    CHECK(doubles == std::vector<float>{1.0F / 3, 1 + 0x1p-23F, 0, infinity, 0, -infinity, 0});
    CHECK(std::signbit(doubles[4]));
    // The neighbours are as they were.
    for (const char* leaf : {"blocks.0.attention.qkv", "blocks.1.mlp.gate_up"}) {
        CHECK(head_of(directory, weights, leaf, 500) == head_of(directory, before, leaf, 500));
    }
}

TEST_CASE("float weights come in and go out with every bit") {
    Directory directory;
    const std::string before = read_text(directory.path / "model.safetensors");
    Tensor<float, 1, Cpu> weights(directory.run.device, {directory.run.model.layout().size()});
    read_weights(directory.run.device, directory.run.model, directory.path, weights.view());
    fs::create_directory(directory.folder / "again");
    write_huggingface(directory.run.device, directory.run.model, weights.view(), directory.folder / "again");
    CHECK(contents(directory.folder / "again") == contents(directory.path));
    CHECK(read_text(directory.path / "model.safetensors") == before);
}

TEST_CASE("weights that do not fit are refused before the first is overwritten") {
    Directory directory;
    LooseTensor& last = find(directory.tensors, "model.norm.weight");
    last.spec.shape = {4, 4};
    write_tensors(directory.path / "model.safetensors", directory.tensors);
    initialize(directory.run.device, directory.run.model, directory.run.state, {.seed = 9});
    const std::vector<float> before = directory.run.state.weights.to_host();
    const auto refused = [&](const auto& action) {
        check_throws(ErrorCode::format, action, "model.safetensors",
                     "'model.norm.weight' has shape [4, 4], expected [16]");
    };
    refused([&] {
        read_weights(directory.run.device, directory.run.model, directory.path,
                     directory.run.state.weights.view());
    });
    refused([&] { check_weights(directory.run.model, directory.path); });
    CHECK(directory.run.state.weights.to_host() == before);
    AmberConfig larger = small_config();
    larger.num_hidden_layers = 3;
    check_throws(
        ErrorCode::format, [&] { check_weights(Amber(larger), directory.path); }, "layers.2", "is missing");
}

TEST_CASE("a directory without weights is refused by name") {
    Directory directory;
    fs::remove(directory.path / "model.safetensors");
    check_throws(
        ErrorCode::io, [&] { directory.read(); }, "hf/model.safetensors", "No such file");
    put(directory.path / "model.safetensors", "garbage that is long enough for a header");
    check_throws(
        ErrorCode::format, [&] { directory.read(); }, "hf/model.safetensors", "header of");
}
