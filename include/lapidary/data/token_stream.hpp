#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/io/growing_file.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <utility>
#include <variant>
#include <vector>

namespace lapidary {

/// Whether ids of this vocabulary are stored in 16 bits.
constexpr bool narrow_tokens(Index vocabulary) { return vocabulary <= 65536; }

/// Ids as elements of another width, which must hold them.
template <class Stored>
std::vector<Stored> stored_ids(std::span<const TokenId> ids) {
    std::vector<Stored> stored(ids.size());
    std::transform(ids.begin(), ids.end(), stored.begin(), [](TokenId id) { return static_cast<Stored>(id); });
    return stored;
}

/// The ids of one source on disk, documents end to end, in 16 or 32 bits each; see `GrowingFile`.
class TokenStream {
public:
    /// The first `size` ids of the file are kept.
    TokenStream(const std::filesystem::path& file, Index vocabulary, Index size)
        : file_(narrow_tokens(vocabulary) ? File(std::in_place_index<0>, file, size)
                                          : File(std::in_place_index<1>, file, size)) {}

    [[nodiscard]] Index size() const {
        return std::visit([](const auto& file) { return file.size(); }, file_);
    }
    void append(std::span<const TokenId> ids) {
        std::visit([&](auto& file) { append(file, ids); }, file_);
    }
    void sync() {
        std::visit([](auto& file) { file.sync(); }, file_);
    }
    /// Fills `into` with the ids from `first` on; safe to call from many threads after `sync`.
    void read(Index first, std::span<TokenId> into) const {
        std::visit([&](const auto& file) { read(file, first, into); }, file_);
    }

private:
    using File = std::variant<GrowingFile<std::uint16_t>, GrowingFile<std::uint32_t>>;

    template <class Stored>
    static void append(GrowingFile<Stored>& file, std::span<const TokenId> ids) {
        file.append(std::span<const Stored>(stored_ids<Stored>(ids)));
    }
    template <class Stored>
    static void read(const GrowingFile<Stored>& file, Index first, std::span<TokenId> into) {
        std::vector<Stored> stored(into.size());
        file.read(first, stored);
        std::transform(stored.begin(), stored.end(), into.begin(),
                       [](Stored id) { return static_cast<TokenId>(id); });
    }

    File file_;
};

}  // namespace lapidary
