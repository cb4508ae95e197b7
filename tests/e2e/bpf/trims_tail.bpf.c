/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Changes packets: from Linux 6.12 no component of libxdp 1.3's dispatcher may. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/tally.bpf.h>

SEC("xdp")
int trims_tail(struct xdp_md *ctx)
{
	if (bpf_xdp_adjust_tail(ctx, -4))
		return xdp_tally(ctx, XDP_ABORTED);
	return xdp_tally(ctx, XDP_PASS);
}

char _license[] SEC("license") = "GPL";
