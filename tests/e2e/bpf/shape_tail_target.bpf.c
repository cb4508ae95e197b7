/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What shape_tail_runtime jumps to. bpftool loads it, with the counter map that is pinned. */
#include "shape.bpf.h"
#include <xdp_tally/tally.bpf.h>

SEC("xdp")
int target(struct xdp_md *ctx)
{
	return xdp_tally(ctx, XDP_DROP);
}

char _license[] SEC("license") = "GPL";
