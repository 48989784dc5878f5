# The packages behind each component, read by the source tree and by the installed package, so that both ask for the
# same things.

set(lapidary_components lapidary cpu sentencepiece tokenizers compression parquet eigen mpi nccl cuda)
set(lapidary_lapidary_packages nlohmann_json range-v3 OpenSSL Threads)
set(lapidary_cpu_packages)
set(lapidary_sentencepiece_packages SentencePiece)
set(lapidary_tokenizers_packages PCRE2 Utf8proc)
set(lapidary_compression_packages ZLIB Zstd)
set(lapidary_parquet_packages Parquet)
set(lapidary_eigen_packages Eigen3)
set(lapidary_mpi_packages MPI)
set(lapidary_nccl_packages CUDAToolkit NCCL)
set(lapidary_cuda_packages CUDAToolkit)

# Where Debian and Ubuntu have them.
set(lapidary_debian_nlohmann_json nlohmann-json3-dev)
set(lapidary_debian_range-v3 librange-v3-dev)
set(lapidary_debian_OpenSSL libssl-dev)
set(lapidary_debian_Threads libc6-dev)
set(lapidary_debian_SentencePiece libsentencepiece-dev)
set(lapidary_debian_PCRE2 libpcre2-dev)
set(lapidary_debian_Utf8proc libutf8proc-dev)
set(lapidary_debian_ZLIB zlib1g-dev)
set(lapidary_debian_Zstd libzstd-dev)
set(lapidary_debian_Eigen3 libeigen3-dev)
set(lapidary_debian_MPI "libopenmpi-dev, or libmpich-dev")

# Where those come from that Debian and Ubuntu do not have, or not as this needs them.
set(lapidary_origin_CUDAToolkit "NVIDIA has it at developer.nvidia.com/cuda-downloads")
set(lapidary_origin_Parquet "Apache Arrow 18 or later has it, as has pyarrow for Python (then set Parquet_ROOT to \
.../site-packages/pyarrow)")
set(lapidary_origin_NCCL "NVIDIA has it at developer.nvidia.com/nccl, and as nvidia-nccl-cu13 for Python (then set \
NCCL_ROOT to .../site-packages/nvidia/nccl)")

# lapidary_find_packages(component missing): finds what a component needs. `missing` becomes empty, or a sentence that
# names the first package that is not there and where to get it. A function, so that nothing of it is left in the
# caller's variables.
function(lapidary_find_packages component missing)
  list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_FUNCTION_LIST_DIR})
  set(${missing} "" PARENT_SCOPE)
  set(MPI_CXX_SKIP_MPICXX TRUE)  # the C functions are enough
  foreach(package IN LISTS lapidary_${component}_packages)
    find_package(${package} QUIET)
    if(NOT ${package}_FOUND)
      set(origin "Debian and Ubuntu have it in ${lapidary_debian_${package}}")
      if(DEFINED lapidary_origin_${package})
        set(origin "${lapidary_origin_${package}}")
      endif()
      string(CONCAT sentence "lapidary::${component} needs the package ${package}, which was not found. ${origin}; one "
                             "installed elsewhere is found through CMAKE_PREFIX_PATH.")
      set(${missing} ${sentence} PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()
