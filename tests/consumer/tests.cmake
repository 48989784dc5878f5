# The consumer project: against an installed lapidary with all of its components, as a subdirectory with the CPU alone,
# and with components that do not exist or cannot be had.

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
set(consumer_components cpu sentencepiece tokenizers compression eigen)
if(TARGET lapidary_kernels)  # for no GPU in particular: half of the time of nvcc
  list(APPEND consumer_components cuda)
  list(APPEND consumer_settings -DCMAKE_CUDA_ARCHITECTURES=80-virtual)
endif()
list(JOIN consumer_components "$<SEMICOLON>" consumer_components)
consumer_test(find_package "-DCOMPONENTS=${consumer_components}")
consumer_test(subdirectory -DLAPIDARY_FOLDER=${PROJECT_SOURCE_DIR} -DLAPIDARY_MARCH=${LAPIDARY_MARCH})

# The same project, only configured: with an instruction set of its own, and where a component is not to be had.
set(consumer_configure ${CMAKE_COMMAND} -S ${consumer} -G ${CMAKE_GENERATOR} ${consumer_settings})
function(consumer_refused name expected)
  add_test(NAME consumer.${name}
    COMMAND ${CMAKE_COMMAND} "-DEXPECT=${expected}" -P ${consumer}/../expect_failure.cmake --
            ${consumer_configure} -B ${consumer_build}/${name} ${ARGN})
endfunction()
add_test(NAME consumer.march
  COMMAND ${consumer_configure} -B ${consumer_build}/march -DCOMPONENTS=cpu -DLAPIDARY_MARCH=x86-64-v3)
add_test(NAME consumer.no_march
  COMMAND ${consumer_configure} -B ${consumer_build}/no_march -DCOMPONENTS=cpu -DLAPIDARY_MARCH=)
consumer_refused(unknown_component "lapidary has no component 'abacus'; it has: lapidary, cpu"
                 "-DCOMPONENTS=cpu$<SEMICOLON>abacus")
consumer_refused(missing_package
                 "lapidary::sentencepiece needs the package SentencePiece, .* have it in libsentencepiece-dev"
                 -DCOMPONENTS=sentencepiece -DCMAKE_DISABLE_FIND_PACKAGE_SentencePiece=ON)
if(TARGET lapidary_kernels)
  consumer_refused(unknown_architecture "CMAKE_CUDA_ARCHITECTURES has 'volta', which is none of 80, 80-real"
                   "-DCOMPONENTS=cpu$<SEMICOLON>cuda" -DCMAKE_CUDA_ARCHITECTURES=volta)
  set_tests_properties(consumer.unknown_architecture PROPERTIES FIXTURES_REQUIRED installed)
endif()

set_tests_properties(consumer.clear PROPERTIES FIXTURES_SETUP cleared)
set_tests_properties(consumer.install PROPERTIES FIXTURES_REQUIRED cleared FIXTURES_SETUP installed)
set_tests_properties(consumer.find_package consumer.march consumer.no_march consumer.unknown_component
                     consumer.missing_package PROPERTIES FIXTURES_REQUIRED installed)
