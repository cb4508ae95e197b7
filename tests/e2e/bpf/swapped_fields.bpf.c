/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A counter map of the same sizes whose fields mean something else. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct swapped {
	__u64 rx_bytes;
	__u64 rx_packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 5);
	__type(key, __u32);
	__type(value, struct swapped);
} xdp_stats_map SEC(".maps");

SEC("xdp")
int swapped_fields(struct xdp_md *ctx)
{
	__u32 key = XDP_PASS;
	struct swapped *record = bpf_map_lookup_elem(&xdp_stats_map, &key);

	if (record)
		record->rx_packets++;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
