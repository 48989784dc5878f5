#pragma once

#include <lapidary/core/view.hpp>
#include <lapidary/io/mapped_file.hpp>
#include <lapidary/io/safetensors_header.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lapidary {

/// A safetensors file mapped into memory; move-only. Views into it are valid as long as it lives, wherever it
/// moves.
///
/// The constructor checks the whole header before anything is used: its length (at most 100 MB and inside the
/// file), UTF-8 and JSON, unique names, known types, sizes that do not overflow, and tensors that cover the data
/// exactly, without overlap or hole. Throws Error(io), and Error(format) naming file and tensor:
/// `[safetensors] model.safetensors: tensor 'x': ...`. Elements are little-endian, as this machine must be.
class SafetensorsReader {
public:
    explicit SafetensorsReader(const std::filesystem::path& path) : file_(path) {
        const std::span<const std::byte> bytes = file_.bytes();
        std::uint64_t length = 0;
        if (bytes.size() < sizeof(length)) refuse("shorter than 8 bytes");
        std::memcpy(&length, bytes.data(), sizeof(length));
        if (length > detail::safetensors_header_limit) {
            refuse("header of " + std::to_string(length) + " bytes is over the limit of 100 MB");
        }
        if (length > bytes.size() - sizeof(length)) {
            refuse("header of " + std::to_string(length) + " bytes does not fit in a file of " +
                   std::to_string(bytes.size()));
        }
        const auto header_bytes = bytes.subspan(sizeof(length), static_cast<std::size_t>(length));
        data_ = bytes.subspan(sizeof(length) + header_bytes.size());
        const std::string_view text(reinterpret_cast<const char*>(header_bytes.data()), header_bytes.size());
        detail::SafetensorsHeader header = detail::parse_safetensors_header(text, where());
        tensors_ = std::move(header.tensors);
        metadata_ = std::move(header.metadata);
        check_layout();
        index_names();
    }

    /// In the order of their data.
    [[nodiscard]] const std::vector<TensorInfo>& tensors() const { return tensors_; }
    [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return metadata_; }
    [[nodiscard]] const std::filesystem::path& path() const { return file_.path(); }
    [[nodiscard]] bool contains(std::string_view name) const { return find(name) != nullptr; }

    /// Throws Error(format) if there is no such tensor.
    [[nodiscard]] const TensorInfo& info(std::string_view name) const {
        const TensorInfo* tensor = find(name);
        if (tensor == nullptr) detail::throw_tensor(where(), name, "is not in the file");
        return *tensor;
    }

    /// The elements as they are in the file. Throws Error(format) if there is no such tensor.
    [[nodiscard]] std::span<const std::byte> bytes(std::string_view name) const { return bytes(info(name)); }

    /// Gives back the memory that a part of what `bytes` returned takes.
    void forget(std::span<const std::byte> part) const { file_.forget(part); }

    /// The mapped elements, row-major. Throws Error(format) if the tensor is missing, of another type or rank, or
    /// at an address that is no multiple of alignof(T) (then `read` helps).
    template <class T, std::size_t Rank>
    [[nodiscard]] View<const T, Rank> view(std::string_view name) const {
        const TensorInfo& tensor = typed<T>(name);
        if (tensor.shape.size() != Rank) {
            detail::throw_tensor(
                where(), name, "has shape " + to_string(tensor.shape) + ", expected rank " + std::to_string(Rank));
        }
        const std::byte* first = bytes(tensor).data();
        if (tensor.bytes != 0 && reinterpret_cast<std::uintptr_t>(first) % alignof(T) != 0) {
            detail::throw_tensor(where(), name, "data is not aligned to " + std::to_string(alignof(T)) + " bytes");
        }
        Shape<Rank> shape{};
        std::copy(tensor.shape.begin(), tensor.shape.end(), shape.begin());
        return {reinterpret_cast<const T*>(first), shape};
    }

    /// A copy of the elements, whatever rank and alignment. Throws Error(format) if the tensor is missing or of
    /// another type.
    template <class T>
    [[nodiscard]] std::vector<T> read(std::string_view name) const {
        const std::span<const std::byte> source = bytes(typed<T>(name));
        std::vector<T> elements(source.size() / sizeof(T));
        if (!elements.empty()) std::memcpy(elements.data(), source.data(), source.size());
        return elements;
    }

    /// Elements [first, first + count) of a tensor, as `read`, in memory that may be used again.
    template <class T>
    void read(std::string_view name, Index first, Index count, std::vector<T>& elements) const {
        const std::span<const std::byte> source =
            bytes(typed<T>(name))
                .subspan(static_cast<std::size_t>(first) * sizeof(T), static_cast<std::size_t>(count) * sizeof(T));
        elements.resize(static_cast<std::size_t>(count));
        if (count > 0) std::memcpy(elements.data(), source.data(), source.size());
        forget(source);
    }

private:
    [[nodiscard]] std::string where() const { return file_.path().string(); }
    [[noreturn]] void refuse(const std::string& why) const {
        throw Error(ErrorCode::format, "safetensors", where() + ": " + why);
    }
    [[nodiscard]] std::span<const std::byte> bytes(const TensorInfo& tensor) const {
        return data_.subspan(tensor.offset, tensor.bytes);
    }

    template <class T>
    [[nodiscard]] const TensorInfo& typed(std::string_view name) const {
        const TensorInfo& tensor = info(name);
        if (tensor.dtype != dtype_of<T>) {
            detail::throw_tensor(where(), name,
                                 "is " + std::string(dtype_name(tensor.dtype)) + ", expected " +
                                     std::string(dtype_name(dtype_of<T>)));
        }
        return tensor;
    }

    /// Sorts the tensors by place and checks that they tile the data.
    void check_layout() {
        std::stable_sort(tensors_.begin(), tensors_.end(), [](const TensorInfo& a, const TensorInfo& b) {
            return a.offset != b.offset ? a.offset < b.offset : a.bytes < b.bytes;
        });
        std::size_t end = 0;
        for (const TensorInfo& tensor : tensors_) {
            const auto fail = [&](const std::string& why) { detail::throw_tensor(where(), tensor.name, why); };
            if (tensor.offset != end) {
                fail("data starts at byte " + std::to_string(tensor.offset) + ", expected " + std::to_string(end) +
                     (tensor.offset < end ? " (overlap)" : " (hole)"));
            }
            if (tensor.bytes > data_.size() - end) {
                fail("data ends at byte " + std::to_string(end + tensor.bytes) + " of " +
                     std::to_string(data_.size()));
            }
            std::size_t expected = 0;
            try {
                expected = detail::tensor_bytes(tensor.dtype, tensor.shape);
            } catch (const Error& error) {
                fail(error.what());
            }
            if (tensor.bytes != expected) {
                fail(std::string(dtype_name(tensor.dtype)) + " " + to_string(tensor.shape) + " takes " +
                     std::to_string(expected) + " bytes, data_offsets give " + std::to_string(tensor.bytes));
            }
            end += tensor.bytes;
        }
        if (end != data_.size()) {
            refuse("the tensors take " + std::to_string(end) + " bytes, the file has " +
                   std::to_string(data_.size()));
        }
    }

    void index_names() {
        for (std::size_t i = 0; i < tensors_.size(); ++i) by_name_.push_back(i);
        std::sort(by_name_.begin(), by_name_.end(),
                  [this](std::size_t a, std::size_t b) { return tensors_[a].name < tensors_[b].name; });
        for (std::size_t i = 1; i < by_name_.size(); ++i) {
            const std::string& name = tensors_[by_name_[i]].name;
            if (name == tensors_[by_name_[i - 1]].name) detail::throw_tensor(where(), name, "appears twice");
        }
    }

    [[nodiscard]] const TensorInfo* find(std::string_view name) const {
        const auto found =
            std::lower_bound(by_name_.begin(), by_name_.end(), name,
                             [this](std::size_t i, std::string_view text) { return tensors_[i].name < text; });
        if (found == by_name_.end() || tensors_[*found].name != name) return nullptr;
        return &tensors_[*found];
    }

    MappedFile file_;
    std::span<const std::byte> data_;
    std::vector<TensorInfo> tensors_;
    std::map<std::string, std::string> metadata_;
    std::vector<std::size_t> by_name_;  // positions in tensors_
};

}  // namespace lapidary
