/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts whole frames the plain way: the helper is asked for the length of every one (kernel 5.18).
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/abi.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, XDP_TALLY_ACTIONS);
	__type(key, __u32);
	__type(value, struct xdp_tally_counter);
} counters SEC(".maps");

SEC("xdp.frags")
int helper(struct xdp_md *ctx)
{
	__u32 key = XDP_DROP;
	struct xdp_tally_counter *counter = bpf_map_lookup_elem(&counters, &key);

	if (counter) {
		counter->rx_packets++;
		counter->rx_bytes += bpf_xdp_get_buff_len(ctx);
	}
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
