#pragma once

#include <lapidary/core/error.hpp>

// cuDNN is optional twice. A program built without its headers has nothing of this but the constant below; one
// built with them loads the library when it runs, and does without where there is none.

#if defined(__has_include)
#if __has_include(<cudnn_graph.h>)
#include <cudnn_graph.h>
#if CUDNN_VERSION >= 91300 && CUDNN_VERSION < 100000
#define LAPIDARY_CUDNN_HEADERS
#endif
#endif
#endif

namespace lapidary {

/// Whether this program can use cuDNN: its headers, 9.13 or later, were there when the program was built.
#ifdef LAPIDARY_CUDNN_HEADERS
inline constexpr bool built_with_cudnn = true;
#else
inline constexpr bool built_with_cudnn = false;
#endif

}  // namespace lapidary

#ifdef LAPIDARY_CUDNN_HEADERS

#include <dlfcn.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>

namespace lapidary {

/// The functions of cuDNN that attention needs. The library they are from stays loaded until the program ends.
struct Cudnn {
    decltype(&::cudnnGetVersion) get_version = nullptr;
    decltype(&::cudnnGetErrorString) error_string = nullptr;
    decltype(&::cudnnGetLastErrorString) last_error_string = nullptr;
    decltype(&::cudnnCreate) create = nullptr;
    decltype(&::cudnnDestroy) destroy = nullptr;
    decltype(&::cudnnSetStream) set_stream = nullptr;
    decltype(&::cudnnBackendCreateDescriptor) create_descriptor = nullptr;
    decltype(&::cudnnBackendDestroyDescriptor) destroy_descriptor = nullptr;
    decltype(&::cudnnBackendSetAttribute) set_attribute = nullptr;
    decltype(&::cudnnBackendGetAttribute) get_attribute = nullptr;
    decltype(&::cudnnBackendFinalize) finalize = nullptr;
    decltype(&::cudnnBackendExecute) execute = nullptr;

    /// 9.18, the first version that is used: with those before it, training on H100 did not repeat bit for bit.
    /// Source: NVIDIA-NeMo/Megatron-Bridge, issue 2169.
    static constexpr std::size_t oldest_version = 91800;

    /// Throws Error(unsupported), which says why, if `file` cannot be loaded or is not such a cuDNN.
    static Cudnn load(const char* file = "libcudnn.so.9");
    /// As `load`, without saying why not.
    static std::optional<Cudnn> find(const char* file = "libcudnn.so.9") {
        try {
            return load(file);
        } catch (const Error&) {
            return std::nullopt;
        }
    }
};

inline Cudnn Cudnn::load(const char* file) {
    const auto refuse = [](const std::string& reason) { throw Error(ErrorCode::unsupported, "cudnn", reason); };
    void* library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) refuse(dlerror());
    Cudnn cudnn;
    const auto resolve = [&](auto& function, const char* name) {
        void* address = dlsym(library, name);
        if (address == nullptr) refuse(std::string(file) + " has no " + name);
        function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(address);
    };
    resolve(cudnn.get_version, "cudnnGetVersion");
    resolve(cudnn.error_string, "cudnnGetErrorString");
    resolve(cudnn.last_error_string, "cudnnGetLastErrorString");
    resolve(cudnn.create, "cudnnCreate");
    resolve(cudnn.destroy, "cudnnDestroy");
    resolve(cudnn.set_stream, "cudnnSetStream");
    resolve(cudnn.create_descriptor, "cudnnBackendCreateDescriptor");
    resolve(cudnn.destroy_descriptor, "cudnnBackendDestroyDescriptor");
    resolve(cudnn.set_attribute, "cudnnBackendSetAttribute");
    resolve(cudnn.get_attribute, "cudnnBackendGetAttribute");
    resolve(cudnn.finalize, "cudnnBackendFinalize");
    resolve(cudnn.execute, "cudnnBackendExecute");
    if (const std::size_t here = cudnn.get_version(); here < oldest_version) {
        refuse(std::string(file) + " is version " + std::to_string(here) + ", older than " +
               std::to_string(oldest_version));
    }
    return cudnn;
}

namespace detail {

/// Throws Error(unsupported) for what cuDNN does not do, Error(memory) where it finds no room, else Error(io).
/// `action` names the descriptor or the handle.
inline void check_cudnn(const Cudnn& cudnn, cudnnStatus_t status, const std::string& action) {
    if (status == CUDNN_STATUS_SUCCESS) return;
    std::array<char, 1024> more{};
    cudnn.last_error_string(more.data(), more.size() - 1);
    std::string text = "cuDNN cannot " + action + ": " + cudnn.error_string(status);
    if (more[0] != '\0') text.append(": ").append(more.data());
    const bool no_room = status == CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED ||
                         status == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;
    const bool not_done = CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED;
    throw Error(no_room ? ErrorCode::memory : not_done ? ErrorCode::unsupported : ErrorCode::io, "cudnn", text);
}

}  // namespace detail
}  // namespace lapidary

#endif
