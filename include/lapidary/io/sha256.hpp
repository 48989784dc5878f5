#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/io/descriptor.hpp>

#include <openssl/evp.h>
#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace lapidary {

/// SHA-256 of bytes that come in pieces. Move-only. Throws Error(unsupported) if OpenSSL refuses.
class Sha256 {
public:
    Sha256() : context_(EVP_MD_CTX_new()) {
        check(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
    }

    void update(std::span<const std::byte> bytes) {
        check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
    }

    /// 64 lower-case hexadecimal digits of what came so far; more may follow.
    [[nodiscard]] std::string hex() const {
        const Context copy(EVP_MD_CTX_new());  // finishing a context ends it, so finish a copy
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned int size = 0;
        check(copy != nullptr && EVP_MD_CTX_copy_ex(copy.get(), context_.get()) == 1 &&
              EVP_DigestFinal_ex(copy.get(), digest.data(), &size) == 1);
        std::string text;
        for (unsigned char byte : std::span(digest).first(size)) {
            text += "0123456789abcdef"[byte >> 4];
            text += "0123456789abcdef"[byte & 15U];
        }
        return text;
    }

private:
    struct Free {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    using Context = std::unique_ptr<EVP_MD_CTX, Free>;

    static void check(bool done) {
        if (!done) throw Error(ErrorCode::unsupported, "sha256", "OpenSSL cannot compute SHA-256");
    }

    Context context_;
};

/// SHA-256 as 64 lower-case hexadecimal digits.
inline std::string sha256_hex(std::span<const std::byte> bytes) {
    Sha256 hash;
    hash.update(bytes);
    return hash.hex();
}

/// SHA-256 of a regular file, read in pieces of 1 MiB. Throws Error(io) naming the path.
inline std::string sha256_file(const std::filesystem::path& path) {
    std::size_t size = 0;
    const detail::Descriptor file = detail::open_regular(path, size);
    std::vector<std::byte> buffer(std::size_t{1} << 20);
    Sha256 hash;
    while (const std::size_t count = detail::read_some(file, path, buffer.data(), buffer.size())) {
        hash.update(std::span(buffer).first(count));
    }
    return hash.hex();
}

}  // namespace lapidary
