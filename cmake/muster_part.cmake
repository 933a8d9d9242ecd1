# SPDX-License-Identifier: Apache-2.0

# Declares one part: library muster_<name> of every source in the calling folder, with its unit
# tests and fuzz targets, all found by name:
#
#   src/<name>/*.c                   the library
#   tests/<name>/<unit>_test.c       program <name>_<unit>_test, known to ctest as <name>/<unit>
#   fuzz/<name>/<unit>_fuzz.c        program <name>_<unit>_fuzz, ctest fuzz/<name>/<unit>
#
#   muster_part(net DEPENDS wire core LIBRARIES PkgConfig::SODIUM)
#
# DEPENDS names parts on lower floors, LIBRARIES what comes from outside.
function(muster_part name)
    cmake_parse_arguments(PARSE_ARGV 1 part "" "" "DEPENDS;LIBRARIES")
    list(TRANSFORM part_DEPENDS PREPEND muster_)

    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
    add_library(muster_${name} STATIC ${sources})
    target_include_directories(muster_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(muster_${name}
        PUBLIC muster_headers ${part_DEPENDS} PRIVATE ${part_LIBRARIES})
    set_property(GLOBAL APPEND PROPERTY MUSTER_PARTS muster_${name})
    set_property(GLOBAL APPEND PROPERTY MUSTER_LIBRARIES ${part_LIBRARIES})

    file(GLOB tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${name}/*_test.c)
    foreach(source IN LISTS tests)
        cmake_path(GET source STEM stem)
        string(REGEX REPLACE "_test$" "" unit ${stem})
        muster_test(${name}_${unit}_test ${name}/${unit} ${source} muster_${name} ${part_LIBRARIES})
    endforeach()

    file(GLOB fuzzers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/fuzz/${name}/*_fuzz.c)
    foreach(source IN LISTS fuzzers)
        cmake_path(GET source STEM stem)
        string(REGEX REPLACE "_fuzz$" "" unit ${stem})
        muster_fuzz(${name}_${unit} ${name}/${unit} ${source} muster_${name} ${part_LIBRARIES})
    endforeach()
endfunction()

# A cmocka program that ctest runs, labelled `unit` and with its part, the first word of the test's
# name. Further arguments are libraries. A test of minutes is labelled `deep` instead by its caller.
function(muster_test target test_name source)
    if(NOT MUSTER_TESTS)
        return()
    endif()
    string(REGEX REPLACE "/.*" "" part ${test_name})
    add_executable(${target} ${source})
    target_include_directories(${target} PRIVATE
        ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR}/src)
    # Where tests find the vectors of docs/protocol/.
    target_compile_definitions(${target} PRIVATE MUSTER_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    target_link_libraries(${target} PRIVATE ${ARGN} PkgConfig::CMOCKA Threads::Threads m)
    add_test(NAME ${test_name} COMMAND ${target})
    set_tests_properties(${test_name} PROPERTIES LABELS "unit;${part}" TIMEOUT 120)
endfunction()

# A fuzz target. With MUSTER_FUZZ it is a libFuzzer program and part of the target `fuzzers`;
# otherwise fuzz/harness/replay_main.c runs it over its committed corpus and a fixed number of
# seeds, as a test of every build.
function(muster_fuzz target unit source)
    if(NOT MUSTER_FUZZ AND NOT MUSTER_TESTS)
        return()
    endif()
    add_executable(${target}_fuzz ${source})
    target_include_directories(${target}_fuzz PRIVATE
        ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/fuzz)
    target_link_libraries(${target}_fuzz PRIVATE ${ARGN} m)
    if(MUSTER_FUZZ)
        target_link_options(${target}_fuzz PRIVATE -fsanitize=fuzzer)
        add_dependencies(fuzzers ${target}_fuzz)
        return()
    endif()
    target_sources(${target}_fuzz PRIVATE ${PROJECT_SOURCE_DIR}/fuzz/harness/replay_main.c)
    add_test(NAME fuzz/${unit}
        COMMAND ${target}_fuzz ${PROJECT_SOURCE_DIR}/fuzz/corpus/${target})
    set_tests_properties(fuzz/${unit} PROPERTIES LABELS fuzz TIMEOUT 120)
endfunction()
