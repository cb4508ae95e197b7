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

option(TALLY_SANITIZE "Build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)

add_library(tally_options INTERFACE)
add_library(tally::options ALIAS tally_options)
target_compile_options(tally_options INTERFACE -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor)

include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

if(TALLY_SANITIZE)
    target_compile_options(tally_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all
                                                   -fno-omit-frame-pointer)
    target_link_options(tally_options INTERFACE -fsanitize=address,undefined)
else()
    target_compile_options(tally_options INTERFACE -fstack-protector-strong -fstack-clash-protection)
    target_link_options(tally_options INTERFACE -Wl,-z,relro,-z,now -Wl,--as-needed)
    target_compile_definitions(tally_options INTERFACE
        $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2> _GLIBCXX_ASSERTIONS)
endif()
