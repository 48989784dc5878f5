# Programs that a launcher starts on several ranks.

add_executable(mpi_conformance comm/mpi_conformance.cpp)
target_link_libraries(mpi_conformance PRIVATE test_support)
add_test(NAME comm.mpi COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/comm/mpi.sh $<TARGET_FILE:mpi_conformance>)
set_tests_properties(comm.mpi PROPERTIES TIMEOUT 300)

# NCCL with one rank on a GPU, where there is one; and with several, on a stand-in for NCCL and CUDA.
if(TARGET lapidary::nccl)
  foreach(name nccl nccl_ranks)
    add_executable(test_${name} comm/${name}.cpp)
    target_link_libraries(test_${name} PRIVATE test_support)
    add_test(NAME comm.${name} COMMAND test_${name})
    set_tests_properties(comm.${name} PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
  endforeach()
endif()
