/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The next version of shape_globals: another constant in .rodata, the variables are the same. */
#define OVER_LIMIT XDP_TX
#include "shape_globals.bpf.c"
