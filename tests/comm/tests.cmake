# Programs that a launcher starts on several ranks.

add_executable(mpi_conformance comm/mpi_conformance.cpp)
target_link_libraries(mpi_conformance PRIVATE test_support lapidary::mpi)
add_test(NAME comm.mpi COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/comm/mpi.sh $<TARGET_FILE:mpi_conformance>)
set_tests_properties(comm.mpi PROPERTIES TIMEOUT 300)
