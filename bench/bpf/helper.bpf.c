/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts whole frames the plain way: the helper is asked for the length of every one (kernel 5.18).
 */
#define XDP_TALLY_LINEAR
#define XDP_TALLY_ALONE
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/tally.bpf.h>

SEC("xdp.frags")
int helper(struct xdp_md *ctx)
{
	__u32 key = XDP_DROP;
	struct xdp_tally_counter *counter = bpf_map_lookup_elem(&xdp_stats_map, &key);

	if (counter) {
		counter->rx_packets++;
		counter->rx_bytes += bpf_xdp_get_buff_len(ctx);
	}
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
