#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

// libsentencepiece trusts two things in a model that a damaged file can get wrong: that nothing is missing at
// its end (a file cut between two fields still parses), and that the compiled normalisation table stays inside
// itself (it is walked without bounds). Both are checked here, on the serialized form.

namespace lapidary::detail {

/// One field of a protocol buffer message: its number and, for length-delimited fields, its bytes.
struct ProtoField {
    std::uint64_t number = 0;
    std::string_view bytes;
};

/// Walks over the fields of a serialized protocol buffer message; `fail()` tells whether it was malformed.
class ProtoWalker {
public:
    explicit ProtoWalker(std::string_view message) : rest_(message) {}

    std::optional<ProtoField> next() {
        if (failed_ || rest_.empty()) return std::nullopt;
        const std::uint64_t tag = varint();
        ProtoField field{tag >> 3, {}};
        switch (tag & 7U) {
            case 0:
                varint();
                break;
            case 1:
                take(8);
                break;
            case 2:
                field.bytes = take(varint());
                break;
            case 5:
                take(4);
                break;
            default:
                failed_ = true;
        }
        if (failed_) return std::nullopt;
        return field;
    }
    [[nodiscard]] bool fail() const { return failed_; }

private:
    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const std::string_view byte = take(1);
            if (failed_) return 0;
            const auto bits = static_cast<unsigned char>(byte[0]);
            value |= static_cast<std::uint64_t>(bits & 0x7FU) << shift;
            if ((bits & 0x80U) == 0) return value;
        }
        failed_ = true;
        return 0;
    }
    std::string_view take(std::uint64_t count) {
        if (failed_ || count > rest_.size()) {
            failed_ = true;
            return {};
        }
        const std::string_view taken = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return taken;
    }

    std::string_view rest_;
    bool failed_ = false;
};

/// What is wrong with a compiled normalisation table, or nothing: a 32-bit length, a double-array trie of that
/// many bytes, then the replacement strings, each closed by a zero byte.
inline std::string charsmap_fault(std::string_view table) {
    if (table.empty()) return {};
    const auto word = [&](std::size_t offset) {
        std::uint32_t value = 0;
        std::memcpy(&value, table.data() + offset, sizeof value);  // little-endian, as the host
        return value;
    };
    if (table.size() < 4) return "its normalisation table is cut off";
    const std::size_t trie_bytes = word(0);
    constexpr std::size_t block = 256 * 4;  // a step flips the low 8 bits of a position, so it stays in a block
    if (trie_bytes > table.size() - 4 || trie_bytes == 0 || trie_bytes % block != 0) {
        return "its normalisation table is cut off";
    }
    const std::size_t units = trie_bytes / 4;
    const std::string_view strings = table.substr(4 + trie_bytes);
    if (strings.empty() || strings.back() != '\0') return "its normalisation table has no end";
    for (std::size_t i = 0; i < units; ++i) {
        const std::uint32_t unit = word(4 + 4 * i);
        if ((unit & 0x80000000U) != 0) continue;  // a value, checked where a node leads to it
        const std::size_t child = i ^ (std::size_t{unit >> 10} << ((unit & 0x200U) >> 6));
        if (child >= units) return "its normalisation table points outside itself";
        if ((unit & 0x100U) != 0 && (word(4 + 4 * child) & 0x7FFFFFFFU) >= strings.size()) {
            return "its normalisation table points outside its strings";
        }
    }
    return {};
}

/// What is wrong with a serialized SentencePiece model, or nothing.
inline std::string sentencepiece_fault(std::string_view model) {
    if (model.empty()) return "it is empty";
    ProtoWalker walker(model);
    bool trainer = false;
    bool normalizer = false;
    while (const auto field = walker.next()) {
        trainer |= field->number == 2;
        normalizer |= field->number == 3;
        if (field->number != 3 && field->number != 5) continue;
        ProtoWalker specification(field->bytes);
        while (const auto part = specification.next()) {
            if (part->number != 2) continue;
            if (std::string fault = charsmap_fault(part->bytes); !fault.empty()) return fault;
        }
    }
    if (walker.fail()) return "it is no SentencePiece model, or cut off";
    if (!trainer || !normalizer) return "its last part is missing: it is cut off";
    return {};
}

}  // namespace lapidary::detail
