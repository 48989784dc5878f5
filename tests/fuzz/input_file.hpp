#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

/// The bytes of a fuzz input as a file of this process.
class InputFile {
public:
    InputFile(const std::uint8_t* bytes, std::size_t size, const std::string& name)
        : path_(std::filesystem::temp_directory_path() / ("lapidary_fuzz_" + std::to_string(::getpid()) + name)) {
        std::ofstream(path_, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes), static_cast<std::streamsize>(size));
    }
    InputFile(const InputFile&) = delete;
    InputFile& operator=(const InputFile&) = delete;
    ~InputFile() { std::filesystem::remove(path_); }

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};
