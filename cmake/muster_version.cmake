# SPDX-License-Identifier: Apache-2.0

# Run by every build: writes `output` from `input` with the version and the commit, and leaves it
# alone when nothing has changed, so that nothing is built again.
#
#   cmake -D source=DIR -D version=0.1.0 -D input=FILE -D output=FILE -P muster_version.cmake
set(commit "unknown")
find_program(git git)
if(git AND EXISTS ${source}/.git)
    # A build by another user than the owner of the sources may still read their commit.
    execute_process(
        COMMAND ${git} -c safe.directory=* -C ${source} describe --always --dirty --abbrev=12
        OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET
        RESULT_VARIABLE result)
    if(result EQUAL 0)
        set(commit ${described})
    endif()
endif()
configure_file(${input} ${output} @ONLY)
