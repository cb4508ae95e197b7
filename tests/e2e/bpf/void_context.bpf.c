/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Its types do not say that its argument is a packet: the kernel shows tracers a number. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int void_context(void *ctx)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
