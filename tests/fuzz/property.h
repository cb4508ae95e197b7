// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What a fuzz target says when a promise does not hold: libFuzzer keeps the input that broke it.
#pragma once

#include <cstdio>
#include <cstdlib>

#define REQUIRE(condition)                                                               \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            std::fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
            std::abort();                                                                \
        }                                                                                \
    } while (false)
