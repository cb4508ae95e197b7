/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A struct of the kernel, with a field that it does not have. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct net_device {
	int no_such_field;
} __attribute__((preserve_access_index));

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	struct net_device *dev = (void *)ctx;

	return dev->no_such_field ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
