# lapidary_add_kernels(target): the kernels of <lapidary/cuda.hpp> for a program, or for a library that several programs
# link. nvcc compiles one generated file, for CMAKE_CUDA_ARCHITECTURES (else CUDAARCHS of the environment, else A100 and
# H100), and the target links lapidary::cuda. Call it in the directory that made the target.
#
# nvcc is called by a command of its own and not through CMake's CUDA language. That one would have to be enabled
# outside of functions, at the top of the project that uses lapidary; before CMake 3.26 it does not know C++20; and it
# links the static runtime where lapidary::cuda links the shared one.

cmake_policy(VERSION 3.25)

# lapidary_find_nvcc(result): where nvcc is, or nothing.
function(lapidary_find_nvcc result)
  find_package(CUDAToolkit QUIET)
  find_program(nvcc NAMES ${CMAKE_CUDA_COMPILER} $ENV{CUDACXX} nvcc HINTS ${CUDAToolkit_BIN_DIR} NO_CACHE)
  if(NOT nvcc)
    set(nvcc "")
  endif()
  set(${result} "${nvcc}" PARENT_SCOPE)
endfunction()

# lapidary_cuda_architectures(result): what to compile for, as CMAKE_CUDA_ARCHITECTURES has it. `native` is the first GPU
# of this machine; where there is none, the newest that lapidary knows.
function(lapidary_cuda_architectures result)
  set(architectures "${CMAKE_CUDA_ARCHITECTURES}")
  if(NOT architectures)
    set(architectures "$ENV{CUDAARCHS}")
  endif()
  if(NOT architectures)
    set(architectures 80-real 90a-real)
  elseif(architectures STREQUAL "native")
    set(architectures 90a-real)
    execute_process(COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader
                    OUTPUT_VARIABLE capability ERROR_QUIET RESULT_VARIABLE failed)
    if(NOT failed AND capability MATCHES "^([0-9]+)\\.([0-9]+)")
      set(architectures ${CMAKE_MATCH_1}${CMAKE_MATCH_2}-real)
      string(REPLACE 90-real 90a-real architectures ${architectures})
    endif()
  endif()
  set(${result} "${architectures}" PARENT_SCOPE)
endfunction()

function(lapidary_add_kernels target)
  if(NOT TARGET ${target})
    message(FATAL_ERROR "lapidary_add_kernels(${target}): there is no target of this name")
  endif()
  get_target_property(directory ${target} SOURCE_DIR)
  if(NOT directory STREQUAL CMAKE_CURRENT_SOURCE_DIR)
    message(FATAL_ERROR "lapidary_add_kernels(${target}): call it in ${directory}, where the target is made")
  endif()
  if(NOT TARGET lapidary::cuda)
    message(FATAL_ERROR "lapidary_add_kernels(${target}): there is no lapidary::cuda: the CUDA toolkit was not "
                        "found when lapidary was configured, which said what it needs. With find_package, ask for "
                        "COMPONENTS cuda")
  endif()
  lapidary_find_nvcc(nvcc)
  if(NOT nvcc)
    message(FATAL_ERROR "lapidary_add_kernels(${target}) needs nvcc, the compiler of the CUDA toolkit, which was not "
                        "found. NVIDIA has it at developer.nvidia.com/cuda-downloads; one that is not in PATH is found "
                        "through CUDAToolkit_ROOT or CMAKE_CUDA_COMPILER.")
  endif()

  lapidary_cuda_architectures(architectures)
  set(codes "")
  foreach(architecture IN LISTS architectures)
    if(NOT architecture MATCHES "^([0-9]+[af]?)(-real|-virtual)?$")
      message(FATAL_ERROR "lapidary_add_kernels(${target}): CMAKE_CUDA_ARCHITECTURES has '${architecture}', which is "
                          "none of 80, 80-real, 80-virtual and the like, or native")
    endif()
    set(number ${CMAKE_MATCH_1})
    set(code_-real sm_${number})
    set(code_-virtual compute_${number})
    set(code_ [sm_${number},compute_${number}])
    list(APPEND codes -gencode arch=compute_${number},code=${code_${CMAKE_MATCH_2}})
  endforeach()
  set(host "${CMAKE_CUDA_HOST_COMPILER}")
  if(NOT host)
    set(host "${CMAKE_CXX_COMPILER}")
  endif()
  get_target_property(includes lapidary::lapidary INTERFACE_INCLUDE_DIRECTORIES)
  list(TRANSFORM includes REPLACE "(.+)" "$<$<BOOL:\\1>:-I\\1>")  # one of them is for the other kind of package
  separate_arguments(flags NATIVE_COMMAND "${CMAKE_CUDA_FLAGS}")

  set(source ${CMAKE_CURRENT_BINARY_DIR}/${target}_kernels.cu)
  set(object ${source}.o)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[
#include <lapidary/cuda.cuh>

template struct lapidary::kernels::Launchers<lapidary::Cuda>;
template struct lapidary::kernels::Launchers<lapidary::CudaSingle>;
]])
  list(JOIN architectures ", " text)
  # As for lapidary::cpu, the compiler of the host makes no fused multiply-adds of its own.
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${nvcc} -std=c++20 -O3 ${codes} --threads 0 -ccbin ${host} -Xcompiler=-fPIC,-ffp-contract=off ${flags}
            ${includes} -MD -MF ${object}.d -c ${source} -o ${object}
    DEPENDS ${source}
    DEPFILE ${object}.d
    COMMENT "Compiling the kernels of ${target} for ${text}"
    COMMAND_EXPAND_LISTS VERBATIM)
  set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
  target_sources(${target} PRIVATE ${object})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(${target} PUBLIC lapidary::cuda)
endfunction()
