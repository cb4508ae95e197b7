/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The target of the tail call is refused, and the program itself is not. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int target(struct xdp_md *ctx)
{
	return *(volatile unsigned char *)(long)ctx->data == 0 ? XDP_DROP : XDP_PASS;
}

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} targets SEC(".maps") = {.values = {(void *)&target}};

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &targets, 0);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
