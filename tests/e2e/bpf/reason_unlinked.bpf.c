/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The function is defined in reason_other.bpf.c. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern int verdict_of(__u32 queue);

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	return verdict_of(ctx->rx_queue_index);
}

char _license[] SEC("license") = "GPL";
