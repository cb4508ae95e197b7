/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Compiled without -g, so without type information: that leaves global data, but no maps. */
#include "shape.bpf.h"

const volatile __u32 verdict = XDP_DROP;
__u64 seen;

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	__sync_fetch_and_add(&seen, 1);
	return verdict;
}

char _license[] SEC("license") = "GPL";
