/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A counter map with a sixth entry, as some people's programs have. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/abi.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 6);
	__type(key, __u32);
	__type(value, struct xdp_tally_counter);
} xdp_stats_map SEC(".maps");

SEC("xdp")
int six_entries(struct xdp_md *ctx)
{
	__u32 key = XDP_PASS;
	struct xdp_tally_counter *counter = bpf_map_lookup_elem(&xdp_stats_map, &key);

	if (counter) {
		counter->rx_packets++;
		counter->rx_bytes += ctx->data_end - ctx->data;
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
