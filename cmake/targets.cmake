# The INTERFACE targets. The library is headers only: a target carries include paths, the language level and
# the packages its headers need.

include(cmake/dependencies.cmake)
include(GNUInstallDirs)

set(lapidary_targets "")

# lapidary_target(name PACKAGES...): lapidary::name for users of the source tree and of an installed package.
function(lapidary_target name)
  add_library(lapidary_${name} INTERFACE)
  add_library(lapidary::${name} ALIAS lapidary_${name})
  set_target_properties(lapidary_${name} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(lapidary_${name} INTERFACE ${ARGN})
  set(lapidary_targets ${lapidary_targets} lapidary_${name} PARENT_SCOPE)
endfunction()

lapidary_target(lapidary nlohmann_json::nlohmann_json range-v3::range-v3 OpenSSL::Crypto Threads::Threads)
target_compile_features(lapidary_lapidary INTERFACE cxx_std_20)
target_include_directories(lapidary_lapidary INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

# The CPU device. Without contraction by the compiler (fused multiply-adds are written out where they are
# wanted), every compiler and every vector width computes the same bits.
lapidary_target(cpu lapidary::lapidary)
target_compile_options(lapidary_cpu INTERFACE -ffp-contract=off)
if(LAPIDARY_MARCH)
  target_compile_options(lapidary_cpu INTERFACE -march=${LAPIDARY_MARCH})
endif()

# Leaf headers that need one more library each.
if(SentencePiece_FOUND)
  lapidary_target(sentencepiece lapidary::lapidary SentencePiece::SentencePiece)
endif()
if(ZLIB_FOUND AND Zstd_FOUND)
  lapidary_target(compression lapidary::lapidary ZLIB::ZLIB Zstd::Zstd)
endif()
