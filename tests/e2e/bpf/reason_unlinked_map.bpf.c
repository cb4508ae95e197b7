/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The map is defined in reason_other.bpf.c. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} verdicts SEC(".maps");

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&verdicts, &key) ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
