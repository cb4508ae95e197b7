/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* linear.bpf.c for a hook that is not shared: without what exact counts in a dispatcher take. */
#define XDP_TALLY_ALONE
#include "linear.bpf.c"
