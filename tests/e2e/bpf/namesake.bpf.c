/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Somebody's program with the name of a built-in one, and another verdict. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/tally.bpf.h>

SEC("xdp")
int linear_drop(struct xdp_md *ctx)
{
	return xdp_tally(ctx, XDP_DROP);
}

SEC("xdp")
int xdp_drop(struct xdp_md *ctx)
{
	return xdp_tally(ctx, XDP_PASS);
}

char _license[] SEC("license") = "GPL";
