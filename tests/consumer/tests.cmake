# The consumer project: against an installed lapidary, as a subdirectory, and with a component that does not exist.

set(consumer ${CMAKE_CURRENT_LIST_DIR})
set(consumer_build ${CMAKE_CURRENT_BINARY_DIR}/consumer)
set(consumer_prefix ${consumer_build}/prefix)
set(consumer_settings
  -DCMAKE_BUILD_TYPE=$<CONFIG> -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER} "-DCMAKE_CXX_FLAGS=${CMAKE_CXX_FLAGS}"
  "-DCMAKE_PREFIX_PATH=${consumer_prefix}$<SEMICOLON>${CMAKE_PREFIX_PATH}")

# consumer_test(name settings...): configures, builds and runs the project in a folder of its own.
function(consumer_test name)
  add_test(NAME consumer.${name}
    COMMAND ${CMAKE_CTEST_COMMAND} --build-and-test ${consumer} ${consumer_build}/${name}
            --build-generator ${CMAKE_GENERATOR} --build-project consumer
            --build-options ${consumer_settings} ${ARGN} --test-command consumer)
  set_tests_properties(consumer.${name} PROPERTIES TIMEOUT 300)
endfunction()

add_test(NAME consumer.clear COMMAND ${CMAKE_COMMAND} -E rm -rf ${consumer_prefix})
add_test(NAME consumer.install
  COMMAND ${CMAKE_COMMAND} --install ${PROJECT_BINARY_DIR} --prefix ${consumer_prefix} --config $<CONFIG>)
consumer_test(find_package -DCOMPONENTS=cpu)
consumer_test(subdirectory -DLAPIDARY_FOLDER=${PROJECT_SOURCE_DIR} -DLAPIDARY_MARCH=${LAPIDARY_MARCH})
add_test(NAME consumer.unknown_component
  COMMAND ${CMAKE_COMMAND} "-DEXPECT=this lapidary has no component 'abacus'"
          -P ${CMAKE_CURRENT_LIST_DIR}/../expect_failure.cmake --
          ${CMAKE_COMMAND} -S ${consumer} -B ${consumer_build}/unknown_component -G ${CMAKE_GENERATOR}
          ${consumer_settings} "-DCOMPONENTS=cpu$<SEMICOLON>abacus")

set_tests_properties(consumer.clear PROPERTIES FIXTURES_SETUP cleared)
set_tests_properties(consumer.install PROPERTIES FIXTURES_REQUIRED cleared FIXTURES_SETUP installed)
set_tests_properties(consumer.find_package consumer.unknown_component PROPERTIES FIXTURES_REQUIRED installed)
