# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# format-check: every C, C++ and BPF file as .clang-format would write it.   format: write them so.
# tidy: clang-tidy over the programs' sources (the tests' would take as long again, most of it in GoogleTest). Most of its
# time goes into headers: in a unity build (preset release) it takes far less, but misc-unused-using-decls and
# misc-unused-alias-decls look only at the file it was given, and find nothing there: scripts/test --all asks for these
# apart, and for the tools of bench and tests.
find_program(TALLY_CLANG_FORMAT NAMES clang-format)
find_program(TALLY_CLANG_TIDY NAMES clang-tidy)
find_program(TALLY_RUN_CLANG_TIDY NAMES run-clang-tidy)

file(GLOB_RECURSE _tally_sources CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/bench/*.[ch] ${PROJECT_SOURCE_DIR}/bench/*.cpp ${PROJECT_SOURCE_DIR}/bpf/*.[ch] ${PROJECT_SOURCE_DIR}/include/*.h
    ${PROJECT_SOURCE_DIR}/src/*.h ${PROJECT_SOURCE_DIR}/src/*.cpp
    ${PROJECT_SOURCE_DIR}/tests/*.h ${PROJECT_SOURCE_DIR}/tests/*.cpp ${PROJECT_SOURCE_DIR}/tests/*.c)

if(TALLY_CLANG_FORMAT)
    add_custom_target(format COMMAND ${TALLY_CLANG_FORMAT} -i ${_tally_sources} COMMENT "Formatting" VERBATIM)
    add_custom_target(format-check COMMAND ${TALLY_CLANG_FORMAT} --dry-run -Werror ${_tally_sources}
        COMMENT "Checking the format" VERBATIM)
endif()
if(TALLY_CLANG_TIDY AND TALLY_RUN_CLANG_TIDY)
    add_custom_target(tidy
        COMMAND ${TALLY_RUN_CLANG_TIDY} -quiet -p ${CMAKE_BINARY_DIR}
                -checks=-bugprone-suspicious-include,-misc-unused-using-decls,-misc-unused-alias-decls
                "${PROJECT_SOURCE_DIR}/src/.*\\.cpp$"
                "${CMAKE_BINARY_DIR}/src/.*\\.cxx$"
        VERBATIM)
endif()
