# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# BPF objects: compiled by clang with BTF, DWARF removed where llvm-strip is at hand.
#
#   tally_add_bpf_object(<target> SOURCE <file.bpf.c> [INCLUDE <directory>] [NO_BTF] [OUTPUT_VAR <var>])
#       Builds <binary dir>/<target>.bpf.o as part of `all`; <var> gets its path. NO_BTF: as without clang's -g.
#   tally_add_skeletons(<library> <target>...)
#       The library may include "<target>.skel.h" of these objects: bpftool's skeleton tally_<target>, with the object in it.

find_program(TALLY_BPF_CLANG NAMES clang REQUIRED)
find_program(TALLY_LLVM_STRIP NAMES llvm-strip)
find_program(TALLY_BPFTOOL NAMES bpftool REQUIRED)

# The kernel headers' <asm/types.h> is in the multiarch directory, which clang -target bpf does not search.
set(_tally_bpf_flags -target bpf -g -O2 -mcpu=v3 -Wall -Wextra -Werror -Wno-unused-parameter
    -Wno-address-of-packed-member -I${PROJECT_SOURCE_DIR}/include)
if(CMAKE_LIBRARY_ARCHITECTURE)
    list(APPEND _tally_bpf_flags -idirafter /usr/include/${CMAKE_LIBRARY_ARCHITECTURE})
endif()

function(tally_add_bpf_object target)
    cmake_parse_arguments(PARSE_ARGV 1 ARG "NO_BTF" "SOURCE;INCLUDE;OUTPUT_VAR" "")
    get_filename_component(source "${ARG_SOURCE}" ABSOLUTE)
    set(object "${CMAKE_CURRENT_BINARY_DIR}/${target}.bpf.o")
    set(flags ${_tally_bpf_flags})
    if(ARG_NO_BTF)
        list(REMOVE_ITEM flags -g)
    endif()
    if(ARG_INCLUDE)
        list(APPEND flags -I${ARG_INCLUDE})
    endif()
    set(strip "")
    if(TALLY_LLVM_STRIP)
        set(strip COMMAND ${TALLY_LLVM_STRIP} -g ${object})
    endif()
    add_custom_command(
        OUTPUT ${object}
        COMMAND ${TALLY_BPF_CLANG} ${flags} -MD -MF ${object}.d -MT ${object} -c ${source} -o ${object}
        ${strip}
        DEPENDS ${source}
        DEPFILE ${object}.d
        COMMENT "Building BPF object ${target}.bpf.o"
        VERBATIM)
    add_custom_target(${target} ALL DEPENDS ${object})
    set_target_properties(${target} PROPERTIES TALLY_BPF_OBJECT ${object})
    if(ARG_OUTPUT_VAR)
        set(${ARG_OUTPUT_VAR} ${object} PARENT_SCOPE)
    endif()
endfunction()

function(tally_add_skeletons library)
    set(directory "${CMAKE_CURRENT_BINARY_DIR}/skeletons")
    file(MAKE_DIRECTORY ${directory})
    foreach(target IN LISTS ARGN)
        get_target_property(object ${target} TALLY_BPF_OBJECT)
        set(header "${directory}/${target}.skel.h")
        add_custom_command(
            OUTPUT ${header}
            COMMAND ${TALLY_BPFTOOL} gen skeleton ${object} name tally_${target} > ${header}
            DEPENDS ${object}
            COMMENT "Generating ${target}.skel.h"
            VERBATIM)
        target_sources(${library} PRIVATE ${header})
        add_dependencies(${library} ${target})
    endforeach()
    # What bpftool writes is not held to this project's warnings.
    target_include_directories(${library} SYSTEM PRIVATE ${directory})
endfunction()
