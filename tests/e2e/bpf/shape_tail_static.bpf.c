/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tail calls to programs that the object itself puts into its PROG_ARRAY. */
#include "shape.bpf.h"
#include <xdp_tally/tally.bpf.h>

#ifndef FIRST_VERDICT
#define FIRST_VERDICT XDP_PASS
#endif

int first(struct xdp_md *ctx);
int second(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} jumps SEC(".maps") = {
    .values = {[0] = (void *)&first, [2] = (void *)&second},
};

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &jumps, command(ctx));
	return xdp_tally(ctx, XDP_ABORTED); /* no program stands there */
}

SEC("xdp")
int first(struct xdp_md *ctx)
{
	return xdp_tally(ctx, FIRST_VERDICT);
}

SEC("xdp")
int second(struct xdp_md *ctx)
{
	return xdp_tally(ctx, XDP_DROP);
}

char _license[] SEC("license") = "GPL";
