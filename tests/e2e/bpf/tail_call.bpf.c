/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The entry jumps to a program that is nowhere but in the map: without the map's pin it would be
 * gone. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/tally.bpf.h>

int jump_target(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} jumps SEC(".maps") = {
    .values = {(void *)&jump_target},
};

SEC("xdp.frags")
int jump_entry(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &jumps, 0);
	return xdp_tally(ctx, XDP_ABORTED); /* reached only when the jump failed */
}

SEC("xdp.frags")
int jump_target(struct xdp_md *ctx)
{
	return xdp_tally(ctx, XDP_PASS);
}

char _license[] SEC("license") = "GPL";
