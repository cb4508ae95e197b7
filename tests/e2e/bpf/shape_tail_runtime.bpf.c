/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tail calls to programs that somebody puts into the pinned PROG_ARRAY while this one runs. */
#include "shape.bpf.h"
#include <xdp_tally/tally.bpf.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} jumps SEC(".maps");

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &jumps, command(ctx));
	return xdp_tally(ctx, XDP_PASS); /* no program stands there */
}

char _license[] SEC("license") = "GPL";
