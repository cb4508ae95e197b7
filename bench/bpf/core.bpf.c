/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A small program with one field of the kernel's (CO-RE): whoever loads it parses the kernel's
 * types. */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

struct net_device {
	unsigned int mtu;
} __attribute__((preserve_access_index));

SEC("xdp")
int core(struct xdp_md *ctx)
{
	return bpf_core_field_exists(struct net_device, mtu) ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
