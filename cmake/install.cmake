# find_package(lapidary COMPONENTS cpu ...) for an installed tree.

include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lapidary)

install(DIRECTORY include/lapidary DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS ${lapidary_targets} EXPORT lapidaryTargets)
install(EXPORT lapidaryTargets NAMESPACE lapidary:: DESTINATION ${package_dir})
configure_package_config_file(cmake/lapidaryConfig.cmake.in lapidaryConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(lapidaryConfigVersion.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/lapidaryConfig.cmake ${PROJECT_BINARY_DIR}/lapidaryConfigVersion.cmake
              cmake/dependencies.cmake cmake/FindSentencePiece.cmake cmake/FindZstd.cmake
        DESTINATION ${package_dir})
