/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Adds the counts of a replaced map to the map in its place, which is being fed already. The loader
 * runs it once through BPF_PROG_TEST_RUN. It adds to this CPU's slots, whose only other writer is
 * an XDP program in a softirq of this CPU: each addition is one instruction, so the softirq comes
 * before or after it, and nothing is lost, as it would be by a read and a write from user space.
 */
#define XDP_TALLY_LINEAR
#define XDP_TALLY_ALONE
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/tally.bpf.h>

/* The record that is about to be published: remembers that the counts were added, should the loader
 * die here. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdp_tally_meta);
} xdp_stats_meta SEC(".maps");

/* What is to be added, by action. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, XDP_TALLY_ACTIONS);
	__type(key, __u32);
	__type(value, struct xdp_tally_counter);
} additions SEC(".maps");

static __always_inline void add_action(__u32 action)
{
	struct xdp_tally_counter *counter = bpf_map_lookup_elem(&xdp_stats_map, &action);
	struct xdp_tally_counter *addition = bpf_map_lookup_elem(&additions, &action);

	if (!counter || !addition)
		return;
	__sync_fetch_and_add(&counter->rx_packets, addition->rx_packets);
	__sync_fetch_and_add(&counter->rx_bytes, addition->rx_bytes);
}

SEC("xdp")
int add_counts(struct xdp_md *ctx)
{
	__u32 key = 0;
	struct xdp_tally_meta *meta = bpf_map_lookup_elem(&xdp_stats_meta, &key);

	if (!meta || (meta->flags & XDP_TALLY_META_MIGRATED))
		return XDP_PASS;
	add_action(XDP_ABORTED);
	add_action(XDP_DROP);
	add_action(XDP_PASS);
	add_action(XDP_TX);
	add_action(XDP_REDIRECT);
	meta->flags |= XDP_TALLY_META_MIGRATED;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
