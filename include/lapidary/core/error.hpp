#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace lapidary {

/// What kind of thing went wrong; a program may turn it into an exit code.
enum class ErrorCode {
    shape,        ///< extents that do not fit together
    value,        ///< an argument or option outside its domain
    not_finite,   ///< NaN or infinity in a loss or a gradient
    io,           ///< the operating system refused to read, write or lock
    format,       ///< a file that is not what its name or header says
    integrity,    ///< a file whose hash, size or contents differ from what was recorded
    busy,         ///< another process holds the resource
    unsupported,  ///< valid, but not something this build can do
    memory,       ///< no room left in scratch, or in the memory of the host or a GPU
    lost_rank,    ///< another rank ended, or did not answer in time
};

/// The exception of the library: a code, the operation that refused, and what was expected and got.
/// `what()` reads `[operation] message`.
class Error : public std::runtime_error {
public:
    Error(ErrorCode code, std::string_view operation, std::string_view message)
        : std::runtime_error(std::string("[").append(operation).append("] ").append(message)),
          code_(code),
          operation_(operation) {}

    [[nodiscard]] ErrorCode code() const noexcept { return code_; }
    [[nodiscard]] const std::string& operation() const noexcept { return operation_; }

private:
    ErrorCode code_;
    std::string operation_;
};

}  // namespace lapidary
