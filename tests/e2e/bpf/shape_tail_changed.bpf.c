/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The next version of shape_tail_static: its first program sends frames back. */
#define FIRST_VERDICT XDP_TX
#include "shape_tail_static.bpf.c"
