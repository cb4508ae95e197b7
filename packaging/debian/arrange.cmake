# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Makes of an installed tree what Debian wants of a package. cpack includes it before it packs.
set(share "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share")
set(doc "${share}/doc/${CPACK_PACKAGE_NAME}")
set(readable OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)

file(COPY "${CPACK_TALLY_DEBIAN}/copyright" "${CPACK_TALLY_DEBIAN}/changelog" DESTINATION "${doc}"
     FILE_PERMISSIONS ${readable})
configure_file("${CPACK_TALLY_DEBIAN}/lintian-overrides" "${share}/lintian/overrides/${CPACK_PACKAGE_NAME}"
               COPYONLY FILE_PERMISSIONS ${readable})
file(GLOB compressed "${share}/man/man*/*.[0-9]")
execute_process(COMMAND gzip --best --no-name "${doc}/changelog" ${compressed} COMMAND_ERROR_IS_FATAL ANY)

# Whatever umask it is built with.
file(CHMOD_RECURSE "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr" DIRECTORY_PERMISSIONS
     OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

# zsh of Debian looks there for what packages bring.
if(EXISTS "${share}/zsh/site-functions")
    file(RENAME "${share}/zsh/site-functions" "${share}/zsh/vendor-completions")
endif()
