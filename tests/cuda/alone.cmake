# test_cuda_device without the other tests, whose packages a machine with a GPU may not have.

add_library(test_support INTERFACE)
target_include_directories(test_support INTERFACE ${CMAKE_CURRENT_SOURCE_DIR})
target_compile_definitions(test_support INTERFACE LAPIDARY_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}")
target_compile_options(test_support INTERFACE -ffp-contract=off)
if(TARGET Catch2::Catch2WithMain)
  target_link_libraries(test_support INTERFACE Catch2::Catch2WithMain)
else()
  add_library(test_main STATIC catch_main.cpp)
  target_link_libraries(test_main PUBLIC Catch2::Catch2)
  target_link_libraries(test_support INTERFACE test_main)
endif()

include(cuda/tests.cmake)
if(NOT TARGET test_cuda_device)
  message(FATAL_ERROR "LAPIDARY_GPU_TESTS_ALONE needs nvcc, which was not found")
endif()
