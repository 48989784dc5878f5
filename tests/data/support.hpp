#pragma once

#include <lapidary/data/documents.hpp>
#include <lapidary/data/document.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
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

}  // namespace lapidary::test
