/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The reader's own program, as the public header's comment shows it: two verdicts to choose from.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/tally.bpf.h>

SEC("xdp.frags")
int own_pass(struct xdp_md *ctx)
{
	return xdp_tally(ctx, XDP_PASS);
}

SEC("xdp.frags")
int own_drop(struct xdp_md *ctx)
{
	return xdp_stats_record_action(ctx, XDP_DROP);
}

/* A verdict that does not exist: the kernel drops the packet as it does for XDP_ABORTED. */
SEC("xdp.frags")
int own_invalid(struct xdp_md *ctx)
{
	return xdp_tally(ctx, 77);
}

char _license[] SEC("license") = "GPL";
