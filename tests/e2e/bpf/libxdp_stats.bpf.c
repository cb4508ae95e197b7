/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts through libxdp's own header. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp/xdp_stats_kern_user.h>
#include <xdp/xdp_stats_kern.h>

SEC("xdp")
int libxdp_stats(struct xdp_md *ctx)
{
	return xdp_stats_record_action(ctx, XDP_DROP);
}

char _license[] SEC("license") = "GPL";
