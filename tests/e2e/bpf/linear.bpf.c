/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Cannot take fragments: too large an MTU is refused in native mode. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#define XDP_TALLY_LINEAR
#include <xdp_tally/tally.bpf.h>

SEC("xdp")
int linear_pass(struct xdp_md *ctx)
{
	return xdp_tally(ctx, XDP_PASS);
}

char _license[] SEC("license") = "GPL";
