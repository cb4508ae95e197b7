# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Language level, warnings as errors, hardening and sanitizers for every C++ target.
# Targets link tally::options to get them.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

option(TALLY_SANITIZE "Build with clang's AddressSanitizer and UndefinedBehaviorSanitizer, and the fuzz targets" OFF)

# The C++ runtime and fmt are linked in, because the dynamic linker would spend most of a start on looking their symbols up.
# The libraries that parse other people's files (libbpf, libxdp, libelf, zlib) stay shared: their security updates come with
# the distribution.
if(TALLY_SANITIZE OR CMAKE_BUILD_TYPE STREQUAL "Debug")
    set(_static_cxx OFF)
else()
    set(_static_cxx ON)
endif()
option(TALLY_STATIC_CXX "Link the C++ runtime into the programs, and use fmt as headers" ${_static_cxx})

add_library(tally_options INTERFACE)
add_library(tally::options ALIAS tally_options)
target_compile_options(tally_options INTERFACE -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor)

include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

if(TALLY_SANITIZE)
    if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
        message(FATAL_ERROR "TALLY_SANITIZE: libFuzzer is clang's: CMAKE_CXX_COMPILER=clang++")
    endif()
    # The check of vptr looks into memory through a pipe: a test in which there is no descriptor left would fail.
    target_compile_options(tally_options INTERFACE -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize=vptr
                                                   -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(tally_options INTERFACE -fsanitize=address,undefined)
else()
    target_compile_options(tally_options INTERFACE -fstack-protector-strong -fstack-clash-protection)
    target_link_options(tally_options INTERFACE -Wl,-z,relro,-z,now -Wl,--as-needed)
    target_compile_definitions(tally_options INTERFACE
        $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2> _GLIBCXX_ASSERTIONS)
endif()
if(TALLY_STATIC_CXX)
    # What is left for the dynamic linker: libc first, where most symbols are found, and relative relocations packed (glibc
    # 2.36). Without --gc-sections all of the C++ runtime would come along.
    target_link_options(tally_options INTERFACE -static-libstdc++ -static-libgcc
                        LINKER:--gc-sections,-z,pack-relative-relocs
                        LINKER:--push-state,--no-as-needed,-lc,--pop-state)
endif()
