# SPDX-License-Identifier: Apache-2.0

# Pages and the JavaScript client need no build. The program looks for them in share/muster beside
# its own folder; in the build tree that leads back to the sources, so that an edit is seen after a
# restart.
foreach(folder IN ITEMS web sdk)
    if(EXISTS ${PROJECT_SOURCE_DIR}/${folder})
        file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/share/muster)
        file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${folder}
            ${PROJECT_BINARY_DIR}/share/muster/${folder} SYMBOLIC)
    endif()
endforeach()
install(DIRECTORY web DESTINATION ${CMAKE_INSTALL_DATADIR}/muster OPTIONAL)
install(DIRECTORY sdk/js DESTINATION ${CMAKE_INSTALL_DATADIR}/muster/sdk OPTIONAL)
