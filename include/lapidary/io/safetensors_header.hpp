#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/io/dtype.hpp>
#include <lapidary/io/json_parse.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary {

/// One tensor of a safetensors file: `bytes` bytes at `offset` from the start of the data.
struct TensorInfo {
    std::string name;
    DType dtype = DType::F32;
    std::vector<Index> shape;
    std::size_t offset = 0;
    std::size_t bytes = 0;
};

namespace detail {

inline constexpr std::size_t safetensors_header_limit = 100'000'000;

/// What a header says, in its order and not yet checked against the data.
struct SafetensorsHeader {
    std::vector<TensorInfo> tensors;
    std::map<std::string, std::string> metadata;
};

[[noreturn]] inline void throw_tensor(const std::string& where, std::string_view name,
                                      const std::string& message) {
    throw Error(ErrorCode::format, "safetensors", where + ": tensor " + quote(name) + ": " + message);
}

/// Reads a header event by event, so that it needs no more memory than the tensors it names, and refuses the first
/// thing that is not `{"__metadata__": {string: string}, name: {"dtype", "shape", "data_offsets"}, ...}`.
class SafetensorsHeaderParser final : public nlohmann::json_sax<Json> {
public:
    SafetensorsHeaderParser(std::string_view text, const std::string& where) : text_(text), where_(where) {}

    SafetensorsHeader header;

    bool null() override { return unexpected("null"); }
    bool boolean(bool /*value*/) override { return unexpected("a boolean"); }
    bool number_integer(std::int64_t /*value*/) override { return unexpected("a negative number"); }
    bool number_float(double /*value*/, const std::string& text) override {
        return unexpected("the number " + quote(text));
    }
    bool binary(Json::binary_t& /*value*/) override { return unexpected("binary data"); }

    bool number_unsigned(std::uint64_t value) override {
        if (place_ != Place::array) return unexpected("a number");
        if (numbers_.size() == max_numbers)
            fail("more than " + std::to_string(max_numbers) + " numbers in one list");
        if (!std::in_range<Index>(value)) fail(std::to_string(value) + " is beyond 63 bits");
        numbers_.push_back(static_cast<Index>(value));
        return true;
    }
    bool string(std::string& value) override {
        if (place_ == Place::metadata) {
            if (!header.metadata.emplace(key_, value).second)
                fail("metadata key " + quote(key_) + " appears twice");
            return true;
        }
        if (place_ != Place::tensor || key_ != "dtype") return unexpected("the string " + quote(value));
        const auto dtype = parse_dtype(value);
        if (!dtype) fail("unknown dtype " + quote(value));
        header.tensors.back().dtype = *dtype;
        return true;
    }
    bool key(std::string& value) override {
        key_ = std::move(value);
        if (place_ != Place::tensor) return true;
        bool* seen = key_ == "dtype"          ? &dtype_
                     : key_ == "shape"        ? &shape_
                     : key_ == "data_offsets" ? &offsets_
                                              : nullptr;
        if (seen == nullptr) fail("unknown field " + quote(key_));
        if (std::exchange(*seen, true)) fail("field " + quote(key_) + " appears twice");
        return true;
    }
    bool start_object(std::size_t /*size*/) override {
        if (place_ == Place::outside) {
            place_ = Place::top;
        } else if (place_ != Place::top) {
            return unexpected("an object");
        } else if (key_ == "__metadata__") {
            if (std::exchange(metadata_, true)) fail("__metadata__ appears twice");
            place_ = Place::metadata;
        } else {
            header.tensors.emplace_back().name = std::move(key_);
            dtype_ = shape_ = offsets_ = false;
            place_ = Place::tensor;
        }
        return true;
    }
    bool end_object() override {
        if (place_ == Place::tensor) {
            if (!dtype_) fail("dtype is missing");
            if (!shape_) fail("shape is missing");
            if (!offsets_) fail("data_offsets is missing");
        }
        place_ = place_ == Place::top ? Place::outside : Place::top;
        return true;
    }
    bool start_array(std::size_t /*size*/) override {
        if (place_ != Place::tensor || key_ == "dtype") return unexpected("a list");
        place_ = Place::array;
        numbers_.clear();
        return true;
    }
    bool end_array() override {
        place_ = Place::tensor;
        TensorInfo& tensor = header.tensors.back();
        if (key_ == "shape") {
            tensor.shape = numbers_;
            return true;
        }
        if (numbers_.size() != 2 || numbers_[0] > numbers_[1]) {
            fail("data_offsets must be [begin, end], got " + to_string(numbers_));
        }
        tensor.offset = static_cast<std::size_t>(numbers_[0]);
        tensor.bytes = static_cast<std::size_t>(numbers_[1] - numbers_[0]);
        return true;
    }
    bool parse_error(std::size_t position, const std::string& /*token*/,
                     const nlohmann::detail::exception& error) override {
        const std::size_t offset = std::min(position == 0 ? 0 : position - 1, text_.size());
        throw Error(ErrorCode::format, "safetensors",
                    json_place(text_, offset, where_ + ": header") + json_reason(error.what()));
    }

private:
    enum class Place { outside, top, metadata, tensor, array };
    static constexpr std::size_t max_numbers = 64;  // no array has more extents

    [[noreturn]] void fail(const std::string& message) const {
        if (place_ == Place::tensor || place_ == Place::array)
            throw_tensor(where_, header.tensors.back().name, message);
        throw Error(ErrorCode::format, "safetensors", where_ + ": header: " + message);
    }
    bool unexpected(const std::string& what) const {
        if (place_ == Place::outside) fail("must be an object, got " + what);
        fail((place_ == Place::top        ? "entry "
              : place_ == Place::metadata ? "metadata key "
                                          : "field ") +
             quote(key_) + " holds " + what);
    }

    std::string_view text_;
    const std::string& where_;
    Place place_ = Place::outside;
    std::string key_;
    std::vector<Index> numbers_;
    bool metadata_ = false, dtype_ = false, shape_ = false, offsets_ = false;
};

/// Parses the JSON of a header. Throws Error(format) naming `where` and the tensor.
inline SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& where) {
    const auto refuse = [&](const std::string& why) {
        throw Error(ErrorCode::format, "safetensors", where + ": header " + why);
    };
    if (!text.starts_with('{')) refuse("does not start with '{'");
    // The parser would take a NUL for the end of the text.
    if (text.find('\0') != std::string_view::npos) refuse("contains a NUL byte");
    SafetensorsHeaderParser parser(text, where);
    Json::sax_parse(text.begin(), text.end(), &parser);
    return std::move(parser.header);
}

/// Bytes of a tensor's elements. Throws Error(shape) if they do not fit in 63 bits.
inline std::size_t tensor_bytes(DType dtype, std::span<const Index> shape) {
    const Index count = element_count(shape);
    const auto size = static_cast<Index>(dtype_size(dtype));
    if (count > std::numeric_limits<Index>::max() / size) {
        throw Error(ErrorCode::shape, "shape", "too many bytes in " + to_string(shape));
    }
    return static_cast<std::size_t>(count * size);
}

}  // namespace detail

}  // namespace lapidary
