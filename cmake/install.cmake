# SPDX-License-Identifier: Apache-2.0

# What an engine or a game needs to build against Muster from outside this tree: the headers, the
# part libraries behind the one CMake target muster::muster (muster::headers for a game, which links
# nothing), and muster.pc for everybody else.

get_property(parts GLOBAL PROPERTY MUSTER_PARTS)
get_property(libraries GLOBAL PROPERTY MUSTER_LIBRARIES)
list(REMOVE_DUPLICATES libraries)

add_library(muster_all INTERFACE)
set_target_properties(muster_all PROPERTIES EXPORT_NAME muster)
set_target_properties(muster_headers PROPERTIES EXPORT_NAME headers)
target_link_libraries(muster_all INTERFACE ${parts})

install(TARGETS muster_all muster_headers ${parts} EXPORT muster-targets FILE_SET HEADERS)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/muster)
install(EXPORT muster-targets NAMESPACE muster:: DESTINATION ${package_folder})

# The libraries from outside, as CMake lines for users of find_package and as names for
# pkg-config. A user of static libraries links these too.
set(find_lines "")
set(pc_requires "")
foreach(library IN LISTS libraries)
    if(library MATCHES "^PkgConfig::(.*)$")
        set(module ${${CMAKE_MATCH_1}_MODULE_NAME})
        string(APPEND find_lines
            "pkg_check_modules(${CMAKE_MATCH_1} REQUIRED IMPORTED_TARGET ${module})\n")
        list(APPEND pc_requires ${module})
    endif()
endforeach()
list(JOIN pc_requires " " pc_requires)

# By file name: beside the part libmuster_client.a lies the engines' libmuster_client.so.
list(TRANSFORM parts REPLACE "(.+)" "-l:lib\\1.a")
list(JOIN parts " " pc_libraries)
file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)

include(CMakePackageConfigHelpers)
configure_package_config_file(cmake/muster-config.cmake.in ${PROJECT_BINARY_DIR}/muster-config.cmake
    INSTALL_DESTINATION ${package_folder} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/muster-config-version.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/muster-config.cmake
    ${PROJECT_BINARY_DIR}/muster-config-version.cmake DESTINATION ${package_folder})
configure_file(cmake/muster.pc.in ${PROJECT_BINARY_DIR}/muster.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/muster.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
