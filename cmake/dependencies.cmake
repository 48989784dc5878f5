# The packages behind each component, read by the source tree and by the installed package, so that both ask for the
# same things.

set(lapidary_components lapidary cpu sentencepiece compression eigen)
set(lapidary_lapidary_packages nlohmann_json range-v3 OpenSSL Threads)
set(lapidary_cpu_packages)
set(lapidary_sentencepiece_packages SentencePiece)
set(lapidary_compression_packages ZLIB Zstd)
set(lapidary_eigen_packages Eigen3)

# lapidary_find_packages(component missing): finds what a component needs. `missing` becomes the name of the first
# package that is not there, or empty. A function, so that nothing of it is left in the caller's variables.
function(lapidary_find_packages component missing)
  list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_FUNCTION_LIST_DIR})
  set(${missing} "" PARENT_SCOPE)
  foreach(package IN LISTS lapidary_${component}_packages)
    find_package(${package} QUIET)
    if(NOT ${package}_FOUND)
      set(${missing} ${package} PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()
