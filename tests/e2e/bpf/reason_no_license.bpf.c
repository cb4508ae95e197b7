/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* bpf_trace_printk() is for GPL-compatible programs. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	char text[] = "packet";

	bpf_trace_printk(text, sizeof(text));
	return XDP_PASS;
}
