/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For devices whose frames fit one buffer: the kernel hands such programs no fragments. */
#define XDP_TALLY_LINEAR
#define TALLY_SECTION "xdp"
#define TALLY_NAME(name) name
#include "builtin.bpf.h"
