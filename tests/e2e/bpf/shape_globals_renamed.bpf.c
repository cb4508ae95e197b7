/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Variables of the same sizes in the same places as those of shape_globals, but with other
 * meanings. */
#define SEEN frames
#define OVER dropped
#include "shape_globals.bpf.c"
