/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads the packet without looking at its length first. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int rejected(struct xdp_md *ctx)
{
	return *(volatile unsigned char *)(long)ctx->data == 0 ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
