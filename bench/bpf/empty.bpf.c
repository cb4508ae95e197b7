/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every program costs before it does anything. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int empty(struct xdp_md *ctx)
{
	return XDP_DROP;
}

SEC("xdp.frags")
int empty_frags(struct xdp_md *ctx)
{
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
