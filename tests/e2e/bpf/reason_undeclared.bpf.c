/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* htons() was never declared: clang takes it for a function that somebody else defines. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#pragma clang diagnostic ignored "-Wimplicit-function-declaration"

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	return ctx->rx_queue_index == (__u32)htons(3) ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
