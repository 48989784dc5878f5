#include "checkpoint/support.hpp"

#include <fstream>

using namespace checkpoint_test;
using namespace io_test;

namespace {

/// A checkpoint on disk that tests damage and mend again.
struct Damaged {
    TemporaryDirectory folder;
    fs::path directory = folder / "ckpt";
    Contents whole;
    SmallRun reader;

    Damaged() {
        put(folder / "tok", "a tokenizer");
        SmallRun::make(1, 2)->save(directory, {.tokenizer = folder / "tok", .cursor = {}});
        whole = contents(directory);
    }

    /// Why reading fails: an error that names a file of the checkpoint. Empty if it does not fail like that.
    std::string refusal() {
        try {
            reader.read(directory);
        } catch (const Error& error) {
            const std::string message = error.what();
            const bool named = message.find(directory.string()) != std::string::npos;
            if (named && (error.code() == ErrorCode::integrity || error.code() == ErrorCode::format))
                return message;
        }
        return "";
    }

    /// Writes one byte of a file in place: a damaged file is not written anew thousands of times.
    void overwrite(const std::string& name, std::size_t position, char byte) const {
        std::fstream file(directory / name, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(position));
        file.put(byte);
    }
};

/// What `sha256sum -c` would accept as well: the digits of a digest in capitals.
bool same_sums(const std::string& text, const std::string& other) {
    try {
        return detail::parse_checksums(text, "a") == detail::parse_checksums(other, "b");
    } catch (const Error&) {
        return false;
    }
}

}  // namespace

TEST_CASE("a flipped bit anywhere in a checkpoint is found") {
    Damaged checkpoint;
    REQUIRE_NOTHROW(checkpoint.reader.read(checkpoint.directory));
    CHECK(checkpoint.whole.size() == 6);
    std::size_t tried = 0;
    for (const auto& [name, text] : checkpoint.whole) {
        const bool every_bit = text.size() < 1000;
        const std::size_t stride = every_bit ? 1 : 8 * text.size() / 150;
        for (std::size_t bit = 0; bit < 8 * text.size(); bit += stride) {
            std::string damaged = text;
            damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (every_bit ? bit % 8 : tried % 8)));
            if (name == "SHA256SUMS" && same_sums(damaged, text)) continue;
            ++tried;
            checkpoint.overwrite(name, bit / 8, damaged[bit / 8]);
            if (checkpoint.refusal().empty()) FAIL_CHECK(name << " byte " << bit / 8 << " was accepted");
            if (read_text(checkpoint.directory / name) != damaged) FAIL_CHECK(name << " was changed by reading");
            checkpoint.overwrite(name, bit / 8, text[bit / 8]);
        }
    }
    CHECK(tried > 4000);
    CHECK(contents(checkpoint.directory) == checkpoint.whole);
    CHECK_NOTHROW(checkpoint.reader.read(checkpoint.directory));
}

TEST_CASE("a checkpoint file cut off anywhere, longer, missing or too many is found") {
    Damaged checkpoint;
    for (const auto& [name, text] : checkpoint.whole) {
        const std::size_t size = text.size();
        std::vector<std::string> versions{text + "\n"};
        for (const std::size_t length :
             {std::size_t{0}, std::size_t{1}, std::size_t{8}, size / 3, size - 2, size - 1}) {
            // Without its last newline, SHA256SUMS says the same.
            if (name != "SHA256SUMS" || length != size - 1) versions.push_back(text.substr(0, length));
        }
        for (const std::string& version : versions) {
            put(checkpoint.directory / name, version);
            INFO(name << " of " << size << " bytes, now " << version.size());
            CHECK(!checkpoint.refusal().empty());
            CHECK(read_text(checkpoint.directory / name) == version);
        }
        fs::remove(checkpoint.directory / name);
        check_throws(
            name == "SHA256SUMS" ? ErrorCode::io : ErrorCode::integrity,
            [&] { checkpoint.reader.read(checkpoint.directory); }, name);
        put(checkpoint.directory / name, text);
    }
    put(checkpoint.directory / "state/extra", "x");
    check_throws(
        ErrorCode::integrity, [&] { checkpoint.reader.read(checkpoint.directory); }, "state/extra", "is not in");
}

TEST_CASE("with right hashes, the first wrong tensor of the weights is named") {
    Damaged checkpoint;
    const fs::path file = checkpoint.directory / "model.safetensors";
    auto tensors = read_tensors(file);
    const std::string name = "model.layers.1.mlp.down_proj.weight";
    const auto refused = [&](const auto&... fragments) {
        write_tensors(file, tensors);
        write_checksums(checkpoint.directory);
        const Contents before = contents(checkpoint.directory);
        check_throws(
            ErrorCode::format, [&] { checkpoint.reader.read(checkpoint.directory); }, "model.safetensors",
            fragments...);
        CHECK(contents(checkpoint.directory) == before);
    };
    SECTION("missing") {
        std::erase_if(tensors, [&](const LooseTensor& tensor) { return tensor.spec.name == name; });
        refused("'" + name + "' is missing");
    }
    SECTION("unexpected") {
        tensors.push_back({{"model.layers.2.mlp.down_proj.weight", DType::F32, {1}}, bytes_of<float>({1})});
        refused("'model.layers.2.mlp.down_proj.weight' is no parameter");
    }
    SECTION("transposed") {
        std::swap(find(tensors, name).spec.shape[0], find(tensors, name).spec.shape[1]);
        refused("'" + name + "' has shape [20, 16], expected [16, 20]");
    }
    SECTION("of integers") {
        find(tensors, name).spec.dtype = DType::I32;
        refused("'" + name + "' is I32");
    }
}

TEST_CASE("with right hashes, the first wrong tensor of the moments is named") {
    Damaged checkpoint;
    const fs::path file = checkpoint.directory / "state/moments.safetensors";
    auto tensors = read_tensors(file);
    const std::string name = "v.blocks.1.mlp.down";
    const auto refused = [&](const auto&... fragments) {
        write_tensors(file, tensors);
        write_checksums(checkpoint.directory);
        check_throws(
            ErrorCode::format, [&] { checkpoint.reader.read(checkpoint.directory); }, "moments.safetensors",
            fragments...);
    };
    SECTION("missing") {
        std::erase_if(tensors, [&](const LooseTensor& tensor) { return tensor.spec.name == name; });
        refused("'" + name + "'", "is not in the file");
    }
    SECTION("unexpected") {
        tensors.push_back({{"v.blocks.2.mlp.down", DType::F32, {1}}, bytes_of<float>({1})});
        refused("'v.blocks.2.mlp.down'", "is no moment");
    }
    SECTION("of another shape") {
        find(tensors, name).spec.shape = {320};
        refused("'" + name + "' has shape [320], expected [16, 20]");
    }
    SECTION("of another type") {
        find(tensors, name).spec.dtype = DType::I32;
        refused("'" + name + "'", "is I32, expected F32");
    }
}

TEST_CASE("with right hashes, wrong entries of state.json are named") {
    Damaged checkpoint;
    const fs::path file = checkpoint.directory / "state/state.json";
    Json state = read_json(file);
    const auto refused = [&](const auto&... fragments) {
        write_json(file, state);
        write_checksums(checkpoint.directory);
        check_throws(
            ErrorCode::format, [&] { checkpoint.reader.read(checkpoint.directory); }, "state.json", fragments...);
    };
    SECTION("no step") {
        state.erase("step");
        refused("'step' is missing");
        check_throws(
            ErrorCode::format, [&] { (void)latest_checkpoint(checkpoint.folder.path()); }, "state.json", "'step'");
    }
    SECTION("a step before the first") {
        state["step"] = -1;
        refused("'step' is -1");
    }
    SECTION("a step that is no integer") {
        state["step"] = "2";
        refused("'step' must be an integer");
    }
    SECTION("no cursor") {
        state.erase("cursor");
        refused("'cursor' is missing");
    }
    SECTION("another format") {
        state["format"] = "lapidary checkpoint 2";
        refused("the format is not 'lapidary checkpoint 1'");
    }
}

TEST_CASE("config.json: what is missing or wrong is named") {
    Damaged checkpoint;
    const fs::path file = checkpoint.directory / "config.json";
    const Json config = read_json(file);
    for (const std::string key :
         {"model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
          "num_attention_heads", "max_position_embeddings", "rms_norm_eps"}) {
        Json without = config;
        without.erase(key);
        write_json(file, without);
        check_throws(
            ErrorCode::format, [&] { (void)read_config<AmberConfig>(checkpoint.directory); },
            "config.json: '" + key + "'");
    }
    Json other = config;
    other["model_type"] = "mamba";
    write_json(file, other);
    check_throws(
        ErrorCode::unsupported, [&] { (void)read_config<AmberConfig>(checkpoint.directory); }, "config.json",
        "mamba");
    put(file, "{\"model_type\": ");
    check_throws(
        ErrorCode::format, [&] { (void)read_config<AmberConfig>(checkpoint.directory); }, "config.json: line 1");
    fs::remove(file);
    check_throws(
        ErrorCode::io, [&] { (void)read_config<AmberConfig>(checkpoint.directory); }, "config.json",
        "No such file");
}
