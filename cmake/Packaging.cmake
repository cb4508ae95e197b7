# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# What is installed beside the programs, and the Debian package of it all: `cpack --config build/release/CPackConfig.cmake`,
# or scripts/package. Which libraries it depends on, dpkg-shlibdeps finds out: it is for the release it was built on.

install(DIRECTORY ${PROJECT_SOURCE_DIR}/contrib/prometheus ${PROJECT_SOURCE_DIR}/contrib/grafana
        DESTINATION ${CMAKE_INSTALL_DATADIR}/xdp-tally)
install(FILES ${PROJECT_SOURCE_DIR}/contrib/README.md DESTINATION ${CMAKE_INSTALL_DATADIR}/xdp-tally)

# systemd looks below /usr/lib and /usr/local/lib; the units name the programs where they are installed, which is known
# only then.
file(GLOB units CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/contrib/systemd/*.service)
set(TALLY_MAINTAINER "xdp-tally maintainers <maintainers@xdp-tally.invalid>" CACHE STRING
    "Maintainer of the Debian package")
install(CODE "set(units \"${units}\")\nset(sbindir \"${CMAKE_INSTALL_SBINDIR}\")")
install(CODE [[
    foreach(unit IN LISTS units)
        get_filename_component(name "${unit}" NAME)
        set(installed "${CMAKE_INSTALL_PREFIX}/lib/systemd/system/${name}")
        list(APPEND CMAKE_INSTALL_MANIFEST_FILES "${installed}")
        message(STATUS "Installing: $ENV{DESTDIR}${installed}")
        file(READ "${unit}" text)
        string(REPLACE "/usr/sbin/" "${CMAKE_INSTALL_PREFIX}/${sbindir}/" text "${text}")
        file(WRITE "$ENV{DESTDIR}${installed}" "${text}")
        file(CHMOD "$ENV{DESTDIR}${installed}" FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
    endforeach()
]])

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME xdp-tally)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "count what XDP does with packets")
set(CPACK_PACKAGE_DESCRIPTION
"xdp_loader attaches a counting XDP program to a network interface and pins its
counters in the BPF file system; xdp_stats shows packets and bytes per verdict
(XDP_PASS, XDP_DROP, ...) and their rates, and exports them to Prometheus.
.
Programs of your own count the same way by a header. Counts stay exact while
programs are replaced, and the reader says whether a program counts into the
map.")
set(CPACK_PACKAGE_CONTACT "${TALLY_MAINTAINER}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
if(CMAKE_CROSSCOMPILING AND CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
    set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE arm64)
endif()
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Loaded on demand, so that dpkg-shlibdeps does not see it.
find_program(TALLY_DPKG_QUERY NAMES dpkg-query)
if(TALLY_DPKG_QUERY)
    execute_process(COMMAND ${TALLY_DPKG_QUERY} --search "*/${TALLY_LIBPCAP}" OUTPUT_VARIABLE _owner ERROR_QUIET)
    if(_owner MATCHES "^([^:, ]+)")
        set(CPACK_DEBIAN_PACKAGE_DEPENDS ${CMAKE_MATCH_1})
    endif()
endif()
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "clang, libbpf-dev, prometheus")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${PROJECT_SOURCE_DIR}/packaging/debian/postinst
    ${PROJECT_SOURCE_DIR}/packaging/debian/prerm
    ${PROJECT_SOURCE_DIR}/packaging/debian/postrm)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/packaging/debian/arrange.cmake)
set(CPACK_TALLY_DEBIAN ${PROJECT_SOURCE_DIR}/packaging/debian)
include(CPack)
