/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For frames of several buffers (jumbo MTU), kernel 5.18. */
#define TALLY_SECTION "xdp.frags"
#define TALLY_NAME(name) name##_frags
#include "builtin.bpf.h"
