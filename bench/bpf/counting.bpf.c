/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A program as users write it, which every loader gets: it counts and drops. */
#define XDP_TALLY_LINEAR
#define XDP_TALLY_ALONE
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/tally.bpf.h>

SEC("xdp")
int counting(struct xdp_md *ctx)
{
	return xdp_tally(ctx, XDP_DROP);
}

char _license[] SEC("license") = "GPL";
