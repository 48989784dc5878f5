# The INTERFACE targets, one per component. The library is headers only: a target carries include paths, the language
# level and the packages its headers need.

include(cmake/dependencies.cmake)
include(cmake/kernels.cmake)
include(GNUInstallDirs)

# lapidary_component(name LINKS...): lapidary::name for users of the source tree and of an installed package.
function(lapidary_component name)
  add_library(lapidary_${name} INTERFACE)
  add_library(lapidary::${name} ALIAS lapidary_${name})
  set_target_properties(lapidary_${name} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(lapidary_${name} INTERFACE ${ARGN})
endfunction()

lapidary_find_packages(lapidary missing)
if(missing)
  message(FATAL_ERROR "${missing} cmake/install_packages.sh installs all that is missing.")
endif()
lapidary_component(lapidary nlohmann_json::nlohmann_json range-v3::range-v3 OpenSSL::Crypto Threads::Threads)
target_compile_features(lapidary_lapidary INTERFACE cxx_std_20)
target_include_directories(lapidary_lapidary INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

# The CPU device. Without contraction by the compiler (fused multiply-adds are written out where they are
# wanted), every compiler and every vector width computes the same bits. The instruction set is no part of an installed
# package: lapidaryConfig.cmake adds the one that the program which uses it asks for.
lapidary_component(cpu lapidary::lapidary)
target_compile_options(lapidary_cpu INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off>)
if(LAPIDARY_MARCH)
  target_compile_options(lapidary_cpu INTERFACE $<BUILD_INTERFACE:$<$<COMPILE_LANGUAGE:CXX>:-march=${LAPIDARY_MARCH}>>)
endif()

# Headers that need packages of their own; left out where those are not found. A target defines LAPIDARY_<NAME>, so that
# a header, or a program, can see whether it is there.
function(lapidary_leaf name)
  lapidary_find_packages(${name} missing)
  if(NOT missing)
    lapidary_component(${name} lapidary::lapidary ${ARGN})
    string(TOUPPER LAPIDARY_${name} macro)
    target_compile_definitions(lapidary_${name} INTERFACE ${macro})
  else()
    message(STATUS "${missing} Going on without.")
  endif()
endfunction()
lapidary_leaf(sentencepiece SentencePiece::SentencePiece)
lapidary_leaf(tokenizers PCRE2::8bit Utf8proc::Utf8proc)
lapidary_leaf(compression ZLIB::ZLIB Zstd::Zstd)
lapidary_leaf(parquet Parquet::Parquet)
lapidary_leaf(eigen Eigen3::Eigen)
lapidary_leaf(mpi MPI::MPI_CXX)
lapidary_leaf(nccl CUDA::cudart NCCL::NCCL)
lapidary_leaf(cuda CUDA::cudart CUDA::cublasLt)
