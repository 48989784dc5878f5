#pragma once

#include <lapidary/io/output_file.hpp>
#include <lapidary/io/safetensors_header.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace lapidary {

/// A tensor to be written.
struct TensorSpec {
    std::string name;
    DType dtype = DType::F32;
    std::vector<Index> shape;
};

namespace detail {

inline std::string json_string(const std::string& text, const std::string& where) {
    try {
        return Json(text).dump();
    } catch (const Json::exception&) {
        throw Error(ErrorCode::value, "safetensors", where + ": " + quote(text) + " is not UTF-8");
    }
}

/// The length and the JSON that a file starts with; adds up the bytes of data that must follow. The same arguments
/// give the same bytes.
inline std::string safetensors_preamble(const std::vector<TensorSpec>& specs,
                                        const std::map<std::string, std::string>& metadata,
                                        std::size_t& data_bytes, const std::string& where) {
    const auto refuse = [&](const std::string& why) {
        throw Error(ErrorCode::value, "safetensors", where + ": " + why);
    };
    std::string json = "{";
    if (!metadata.empty()) {
        json += "\"__metadata__\":{";
        for (const auto& [key, value] : metadata) {
            json += json_string(key, where) + ":" + json_string(value, where) + ",";
        }
        json.back() = '}';
        json += ",";
    }
    std::set<std::string_view> names{"__metadata__"};
    for (const TensorSpec& spec : specs) {
        if (!names.insert(spec.name).second) refuse("tensor name " + quote(spec.name) + " is taken");
        const std::size_t size = tensor_bytes(spec.dtype, spec.shape);
        if (size > static_cast<std::size_t>(std::numeric_limits<Index>::max()) - data_bytes) {
            refuse("the tensors have too many bytes");
        }
        std::string shape = to_string(spec.shape);
        std::erase(shape, ' ');
        json += json_string(spec.name, where) + ":{\"dtype\":\"" + std::string(dtype_name(spec.dtype)) +
                "\",\"shape\":" + shape + ",\"data_offsets\":[" + std::to_string(data_bytes) + "," +
                std::to_string(data_bytes + size) + "]},";
        data_bytes += size;
    }
    if (json.back() == ',') json.pop_back();
    json += "}";
    const auto unpadded = static_cast<Index>(sizeof(std::uint64_t) + json.size());
    json.append(static_cast<std::size_t>(round_up(unpadded, 64) - unpadded), ' ');
    if (json.size() > safetensors_header_limit) refuse("the header would be over the limit of 100 MB");
    const std::uint64_t length = json.size();
    std::string preamble(sizeof(length), '\0');
    std::memcpy(preamble.data(), &length, sizeof(length));
    return preamble + json;
}

}  // namespace detail

/// Streams a safetensors file: the header first, then the data in the order of the specs, in pieces of any size.
///
/// The data starts at a multiple of 64 bytes and has no holes, so order the specs by descending element size: then
/// every tensor is aligned and `SafetensorsReader::view` works on it. Equal specs, metadata and data give equal
/// bytes. Unless `finish` succeeded, the destructor removes the file.
class SafetensorsWriter {
public:
    /// Writes the header over what was there. Throws Error(value) for names that repeat, are reserved or not
    /// UTF-8, Error(shape) for sizes that are negative or overflow, both before the file is touched; Error(io).
    SafetensorsWriter(const std::filesystem::path& path, const std::vector<TensorSpec>& specs,
                      const std::map<std::string, std::string>& metadata = {})
        : SafetensorsWriter(path, Announced(path, specs, metadata)) {}

    /// The next bytes. Throws Error(value) if they are more than announced, Error(io).
    void append(std::span<const std::byte> bytes) {
        if (bytes.size() > left_) {
            throw Error(ErrorCode::value, "safetensors",
                        file_.path().string() + ": " + std::to_string(bytes.size()) + " more bytes where " +
                            std::to_string(left_) + " are left");
        }
        file_.write(bytes);
        left_ -= bytes.size();
    }
    /// The same for elements of a trivially copyable type.
    template <class T>
        requires(!std::is_same_v<std::remove_cv_t<T>, std::byte> && std::is_trivially_copyable_v<T>)
    void append(std::span<T> elements) {
        append(std::as_bytes(elements));
    }

    /// Makes the file durable and closes it. Throws Error(value) if bytes are missing, Error(io).
    void finish() {
        if (left_ != 0) {
            throw Error(ErrorCode::value, "safetensors",
                        file_.path().string() + ": " + std::to_string(left_) + " announced bytes are missing");
        }
        file_.sync();
        file_.close();
        guard_.keep();
    }

private:
    struct Announced {
        Announced(const std::filesystem::path& path, const std::vector<TensorSpec>& specs,
                  const std::map<std::string, std::string>& metadata)
            : preamble(detail::safetensors_preamble(specs, metadata, bytes, path.string())) {}
        std::size_t bytes = 0;
        std::string preamble;
    };

    SafetensorsWriter(const std::filesystem::path& path, const Announced& announced)
        : file_(path), guard_(path), left_(announced.bytes) {
        file_.write(announced.preamble);
    }

    OutputFile file_;
    detail::RemoveUnlessKept guard_;
    std::size_t left_;
};

}  // namespace lapidary
