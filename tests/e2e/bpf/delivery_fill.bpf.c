/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Fills the map of deliveries, which takes entries from programs alone, with devices of a namespace
 * that is none. The frame's first byte says which part of it. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/delivery.h>

#define AT_ONCE 256

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, XDP_TALLY_DELIVERY_DEVICES_MAX);
	__type(key, struct xdp_tally_delivery_key);
	__type(value, __u64);
} devices SEC(".maps");

SEC("xdp")
int fill(struct xdp_md *ctx)
{
	__u8 *part = (__u8 *)(long)ctx->data;
	__u64 packets = 1;

	if ((void *)(part + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	for (__u32 i = 0; i < AT_ONCE; ++i) {
		struct xdp_tally_delivery_key key = {
		    .netns_inode = 1,
		    .ifindex = *part * AT_ONCE + i + 1,
		    .action = XDP_REDIRECT,
		    .reason = XDP_TALLY_LOST_NO_REASON,
		};

		bpf_map_update_elem(&devices, &key, &packets, BPF_ANY);
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
