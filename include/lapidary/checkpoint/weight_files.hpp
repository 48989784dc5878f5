#pragma once

#include <lapidary/core/half.hpp>
#include <lapidary/io/json.hpp>
#include <lapidary/io/quote.hpp>
#include <lapidary/io/safetensors.hpp>

#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

namespace lapidary {

/// The tensors of a Hugging Face directory, in `model.safetensors` (or a file of another name) or in the shards
/// that `model.safetensors.index.json` lists. Memory-mapped: nothing is read before it is asked for.
class WeightFiles {
public:
    /// Throws Error(io) if there is neither file, Error(format) for what is damaged.
    explicit WeightFiles(const std::filesystem::path& directory, const std::string& name = "model.safetensors")
        : directory_(directory) {
        const std::filesystem::path index = directory / (name + ".index.json");
        std::error_code error;
        if (!std::filesystem::exists(index, error)) {
            const SafetensorsReader* file = add_file(name);
            for (const TensorInfo& tensor : file->tensors()) where_[tensor.name] = file;
            list_ = file->path();
            return;
        }
        list_ = index;
        const auto map = get<std::map<std::string, std::string>>(read_json(index), "weight_map", index.string());
        for (const auto& [tensor, file] : map) {
            if (file.find('/') != std::string::npos || file.empty()) {
                throw Error(ErrorCode::format, "weights",
                            index.string() + ": " + quote(file) + " is no file name");
            }
            where_[tensor] = add_file(file);
        }
    }

    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> result;
        for (const auto& [name, file] : where_) result.push_back(name);
        return result;
    }

    /// For messages: the file that lists the tensors, and the tensor.
    [[nodiscard]] std::string place(const std::string& name) const {
        return list_.string() + ": tensor " + quote(name);
    }

    /// Throws Error(format) naming file and tensor if it is missing, has another shape or is not floating point.
    void check(const std::string& name, const std::vector<Index>& shape) const {
        const auto found = where_.find(name);
        if (found == where_.end()) throw Error(ErrorCode::format, "weights", place(name) + " is missing");
        const SafetensorsReader& file = *found->second;
        const TensorInfo& info = file.info(name);
        const std::string where = file.path().string() + ": tensor " + quote(name);
        if (info.shape != shape) {
            throw Error(ErrorCode::format, "weights",
                        where + " has shape " + to_string(info.shape) + ", expected " + to_string(shape));
        }
        if (info.dtype > DType::BF16) {
            throw Error(ErrorCode::format, "weights",
                        where + " is " + std::string(dtype_name(info.dtype)) + ", expected a floating-point type");
        }
    }

    /// Elements [first, first + count) of a tensor that `check` passed, in `T`, converted from F64, F32, F16 or
    /// BF16. They take no more memory afterwards than `out` does.
    template <class T>
    void read(const std::string& name, Index first, Index count, std::vector<T>& out) const {
        const SafetensorsReader& file = *where_.at(name);
        const auto convert = [&]<class From>(From) {
            const auto part = file.bytes(name).subspan(static_cast<std::size_t>(first) * sizeof(From),
                                                       static_cast<std::size_t>(count) * sizeof(From));
            out.resize(static_cast<std::size_t>(count));
            for (std::size_t i = 0; i < out.size(); ++i) {
                From element;
                std::memcpy(&element, part.data() + i * sizeof(From), sizeof(From));
                if constexpr (std::is_same_v<From, double>) {
                    out[i] = static_cast<T>(element);
                } else {
                    out[i] = static_cast<T>(static_cast<float>(element));
                }
            }
            file.forget(part);
        };
        switch (file.info(name).dtype) {
            case DType::F64:
                return convert(double{});
            case DType::F16:
                return convert(half{});
            case DType::BF16:
                return convert(bf16{});
            default:
                return convert(float{});
        }
    }

private:
    const SafetensorsReader* add_file(const std::string& name) {
        auto& file = files_[name];
        if (!file) file = std::make_unique<SafetensorsReader>(directory_ / name);
        return file.get();
    }

    std::filesystem::path directory_;
    std::filesystem::path list_;
    std::map<std::string, std::unique_ptr<SafetensorsReader>> files_;
    std::map<std::string, const SafetensorsReader*> where_;
};

}  // namespace lapidary
