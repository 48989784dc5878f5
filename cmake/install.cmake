# find_package(lapidary COMPONENTS cpu ...) for an installed tree. Each component has its own file of targets, so that
# a program is asked for the packages of the components it uses and no others.

include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lapidary)

foreach(component IN LISTS lapidary_components)
  if(TARGET lapidary_${component})
    install(TARGETS lapidary_${component} EXPORT lapidary_${component})
    install(EXPORT lapidary_${component} NAMESPACE lapidary:: FILE component_${component}.cmake
            DESTINATION ${package_dir})
  endif()
endforeach()
install(DIRECTORY include/lapidary DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.cuh")
configure_package_config_file(cmake/lapidaryConfig.cmake.in lapidaryConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(lapidaryConfigVersion.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/lapidaryConfig.cmake ${PROJECT_BINARY_DIR}/lapidaryConfigVersion.cmake
              cmake/dependencies.cmake cmake/kernels.cmake cmake/FindPCRE2.cmake cmake/FindSentencePiece.cmake cmake/FindUtf8proc.cmake
              cmake/FindZstd.cmake cmake/FindNCCL.cmake cmake/FindParquet.cmake
        DESTINATION ${package_dir})
