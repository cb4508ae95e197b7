/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Compiled without -g, but with a map, whose definition is type information. */
#include "shape.bpf.h"
#define XDP_TALLY_LINEAR
#include <xdp_tally/tally.bpf.h>

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	return xdp_tally(ctx, XDP_PASS);
}

char _license[] SEC("license") = "GPL";
