#pragma once

#include <lapidary/text/text_stream.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <concepts>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary {

/// Some tokenizer, of a kind that is known only when the program runs. A value; copies share the tokenizer, which
/// never changes.
class AnyTokenizer {
public:
    template <Tokenizer T>
        requires(!std::same_as<T, AnyTokenizer>)
    explicit AnyTokenizer(std::shared_ptr<const T> tokenizer)
        : tokenizer_(std::make_shared<const Model<T>>(std::move(tokenizer))) {}

    [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const { return tokenizer_->encode(text); }
    [[nodiscard]] std::string decode(std::span<const TokenId> ids) const { return tokenizer_->decode(ids); }
    [[nodiscard]] Index vocabulary_size() const { return tokenizer_->vocabulary_size(); }
    [[nodiscard]] TokenId unknown_id() const { return tokenizer_->unknown_id(); }
    [[nodiscard]] TokenId bos_id() const { return tokenizer_->bos_id(); }
    [[nodiscard]] TokenId eos_id() const { return tokenizer_->eos_id(); }

private:
    struct AnyStream {
        virtual ~AnyStream() = default;
        virtual std::string add(TokenId id) = 0;
        virtual std::string finish() = 0;
    };
    template <class T>
    struct StreamOf final : AnyStream {
        explicit StreamOf(std::shared_ptr<const T> tokenizer) : owner(std::move(tokenizer)), stream(*owner) {}
        std::string add(TokenId id) override { return stream.add(id); }
        std::string finish() override { return stream.finish(); }
        std::shared_ptr<const T> owner;
        TextStream<T> stream;
    };

    struct Interface {
        virtual ~Interface() = default;
        [[nodiscard]] virtual std::vector<TokenId> encode(std::string_view text) const = 0;
        [[nodiscard]] virtual std::string decode(std::span<const TokenId> ids) const = 0;
        [[nodiscard]] virtual Index vocabulary_size() const = 0;
        [[nodiscard]] virtual TokenId unknown_id() const = 0;
        [[nodiscard]] virtual TokenId bos_id() const = 0;
        [[nodiscard]] virtual TokenId eos_id() const = 0;
        [[nodiscard]] virtual std::unique_ptr<AnyStream> stream() const = 0;
    };
    template <class T>
    struct Model final : Interface {
        explicit Model(std::shared_ptr<const T> held) : tokenizer(std::move(held)) {}
        [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const override {
            return tokenizer->encode(text);
        }
        [[nodiscard]] std::string decode(std::span<const TokenId> ids) const override {
            return tokenizer->decode(ids);
        }
        [[nodiscard]] Index vocabulary_size() const override { return tokenizer->vocabulary_size(); }
        [[nodiscard]] TokenId unknown_id() const override { return tokenizer->unknown_id(); }
        [[nodiscard]] TokenId bos_id() const override { return tokenizer->bos_id(); }
        [[nodiscard]] TokenId eos_id() const override { return tokenizer->eos_id(); }
        [[nodiscard]] std::unique_ptr<AnyStream> stream() const override {
            return std::make_unique<StreamOf<T>>(tokenizer);
        }
        std::shared_ptr<const T> tokenizer;
    };

public:
    /// Text that grows id by id; see `TextStream`.
    class Stream {
    public:
        explicit Stream(const AnyTokenizer& tokenizer) : stream_(tokenizer.tokenizer_->stream()) {}
        std::string add(TokenId id) { return stream_->add(id); }
        std::string finish() { return stream_->finish(); }

    private:
        std::unique_ptr<AnyStream> stream_;
    };

private:
    std::shared_ptr<const Interface> tokenizer_;
};

static_assert(Tokenizer<AnyTokenizer>);

}  // namespace lapidary
