#pragma once

#include <lapidary/data/chunk_names.hpp>
#include <lapidary/data/input_files.hpp>
#include <lapidary/data/preparation.hpp>
#include <lapidary/data/window_file.hpp>
#include <lapidary/data/window_file_writer.hpp>
#include <lapidary/io/json.hpp>
#include <lapidary/io/sha256.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary::test {

/// An empty folder that disappears with the object.
class TemporaryFolder {
public:
    TemporaryFolder() {
        static std::atomic<int> serial{0};
        path_ = std::filesystem::temp_directory_path() /
                ("lapidary_data_" + std::to_string(::getpid()) + "_" + std::to_string(serial++));
        std::filesystem::create_directories(path_);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }

    [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

inline void write(const std::filesystem::path& file, std::string_view text) {
    std::ofstream(file, std::ios::binary) << text;
}

inline std::string read(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

/// One gzip member.
inline std::string gzip(std::string_view text) {
    z_stream stream{};
    deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(deflateBound(&stream, text.size()) + 32, '\0');
    std::string in(text);
    stream.next_in = reinterpret_cast<Bytef*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

/// One Zstandard frame, with a check sum.
inline std::string zstd(std::string_view text) {
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress2(context, out.data(), out.size(), text.data(), text.size()));
    ZSTD_freeCCtx(context);
    return out;
}

/// A tokenizer that a test can follow by hand: a byte is one token, its value plus 3.
struct ByteTokenizer {
    [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const {
        std::vector<TokenId> ids;
        for (char c : text) ids.push_back(static_cast<unsigned char>(c) + 3);
        return ids;
    }
    [[nodiscard]] std::string decode(std::span<const TokenId> ids) const {
        std::string text;
        for (TokenId id : ids) {
            if (id >= 3) text += static_cast<char>(id - 3);
        }
        return text;
    }
    [[nodiscard]] Index vocabulary_size() const { return 259; }
    [[nodiscard]] TokenId bos_id() const { return 1; }
    [[nodiscard]] TokenId eos_id() const { return 2; }
    [[nodiscard]] TokenId unknown_id() const { return 0; }
};
static_assert(Tokenizer<ByteTokenizer>);

/// Lines of JSON with these texts, which must need no escapes.
inline std::string json_lines(const std::vector<std::string>& texts) {
    std::string lines;
    for (const std::string& text : texts) lines += "{\"text\":\"" + text + "\"}\n";
    return lines;
}

/// `count` different texts of many lengths, the same every time.
inline std::vector<std::string> texts(const std::string& name, int count) {
    std::vector<std::string> result;
    for (int i = 0; i < count; ++i) {
        result.push_back(name + std::to_string(i) + " ");
        for (int k = 0; k < i * i % 211; ++k) result.back() += static_cast<char>('a' + (k * i + k) % 26);
    }
    return result;
}

/// A recipe of windows of 8 tokens, nothing held out, one source for each pair of a name and a pattern.
inline Recipe small_recipe(const std::vector<std::pair<std::string, std::string>>& sources) {
    Recipe recipe{.name = "small", .context = 7, .stride = 8, .chunks = 2, .seed = 5};
    for (const auto& [name, pattern] : sources) recipe.sources.push_back({.name = name, .files = {pattern}});
    return recipe;
}

/// Prepares `out` from the files that the recipe finds in `root`, with a byte tokenizer; returns the manifest.
inline Json prepare(const std::filesystem::path& root, const std::filesystem::path& out, const Recipe& recipe,
                    PreparationOptions options = {}) {
    const ByteTokenizer tokenizer;
    return Preparation(out, recipe, find_inputs(recipe, root).files, tokenizer, std::move(options)).run();
}

/// The files of a directory by name.
inline std::map<std::string, std::string> contents(const std::filesystem::path& directory) {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        files[entry.path().filename().string()] = read(entry.path());
    }
    return files;
}

inline std::vector<TokenId> window(const WindowFile& file, Index row) {
    std::vector<TokenId> tokens(static_cast<std::size_t>(file.context()) + 1);
    file.read(row, tokens.data());
    return tokens;
}

/// Ids of a byte tokenizer as text, with `|` for the end of a document.
inline std::string spell(std::span<const TokenId> ids) {
    std::string text;
    for (const TokenId id : ids) text += id == 2 ? '|' : static_cast<char>(id - 3);
    return text;
}

/// A directory that holds these windows, as a preparation of one source would have written it.
inline void write_chunks(const std::filesystem::path& directory, Index vocabulary,
                         const std::vector<std::vector<std::vector<TokenId>>>& chunks,
                         const std::vector<std::vector<TokenId>>& held_out = {}) {
    std::filesystem::create_directory(directory);
    const auto context = static_cast<Index>(chunks.at(0).at(0).size()) - 1;
    Json manifest{{"format", data_format},
                  {"chunks", chunks.size()},
                  {"context", context},
                  {"vocabulary", vocabulary},
                  {"eos", 2},
                  {"windows_per_chunk", chunks[0].size()},
                  {"validation_windows", held_out.size()},
                  {"sources", {{{"name", "only"}}}}};
    const auto add = [&](const std::string& name, const std::vector<std::vector<TokenId>>& windows) {
        const std::vector<WindowOrigin> origins(windows.size());
        WindowFileWriter writer(directory / name, origins, context, vocabulary, {});
        for (const auto& ids : windows) writer.append(ids);
        writer.finish();
        manifest["sha256"][name] = sha256_file(directory / name);
    };
    for (std::size_t c = 0; c < chunks.size(); ++c) add(chunk_file(static_cast<Index>(c)), chunks[c]);
    add(validation_file, held_out);
    write_json(directory / data_manifest, manifest);
}

}  // namespace lapidary::test
