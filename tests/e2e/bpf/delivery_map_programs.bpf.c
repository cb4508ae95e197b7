/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a devmap or a cpumap runs itself, behind the program that redirected the frame there. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} onward SEC(".maps");

SEC("xdp/cpumap")
int cpumap_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp/cpumap")
int cpumap_drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}

SEC("xdp/cpumap")
int cpumap_redirect(struct xdp_md *ctx)
{
	const __u32 zero = 0;
	__u32 *ifindex = bpf_map_lookup_elem(&onward, &zero);

	return bpf_redirect(ifindex ? *ifindex : 0, 0);
}

SEC("xdp/devmap")
int devmap_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp/devmap")
int devmap_drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}

SEC("xdp/devmap")
int devmap_abort(struct xdp_md *ctx)
{
	return XDP_ABORTED;
}

char _license[] SEC("license") = "GPL";
