# The CUDA device itself, where nvcc is: built everywhere, skipped where there is no GPU.

if(TARGET lapidary_kernels)
  # What also runs on the stand-in for a GPU. There these files see the kernels' definitions, here those that nvcc
  # compiled: the headers' names lead to the declarations.
  set(shared activations adamw adamw_narrow attention block_rows cross_entropy documents elementwise embedding models
             norms products reductions rmsprop rotary training tuning)
  list(TRANSFORM shared REPLACE "(.+)" "cuda/\\1.cpp")
  file(GLOB kernels CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/include/lapidary/cuda/*.cuh)
  foreach(header IN LISTS kernels)
    file(CONFIGURE OUTPUT cuda/declarations/${header} CONTENT "#include <lapidary/cuda/ops.hpp>\n" @ONLY)
  endforeach()

  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cuda/device/*.cpp)
  add_executable(test_cuda_device ${sources} ${shared})
  target_include_directories(test_cuda_device PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/cuda/declarations)
  target_compile_definitions(test_cuda_device PRIVATE LAPIDARY_TEST_GPU)
  target_link_libraries(test_cuda_device PRIVATE lapidary_kernels test_support)
  target_compile_options(test_cuda_device PRIVATE -O0)  # the work is the GPU's
  add_test(NAME cuda.device COMMAND test_cuda_device "~[none]~[long]")
  add_test(NAME cuda.device.long COMMAND test_cuda_device "[long]")
  add_test(NAME cuda.none COMMAND test_cuda_device "[none]")
  set_tests_properties(cuda.device PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
  set_tests_properties(cuda.device.long PROPERTIES TIMEOUT 1800 SKIP_RETURN_CODE 77 LABELS long)
  set_tests_properties(cuda.none PROPERTIES TIMEOUT 60 ENVIRONMENT CUDA_VISIBLE_DEVICES=)
endif()
