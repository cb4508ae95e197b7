/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps that keep more than numbers by index: a ring buffer, an LRU hash, a hash of every CPU's own,
 * an array of maps that the object fills. */
#include "shape.bpf.h"
#include <xdp_tally/tally.bpf.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1); /* libbpf makes it the size of a page */
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} recent SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} per_cpu SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} inner_even SEC(".maps"), inner_odd SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = {
    .values = {&inner_even, &inner_odd},
};

__u64 unread; /* bytes in the ring buffer */

static __always_inline void add_one(void *map, __u32 key)
{
	__u64 *count = bpf_map_lookup_elem(map, &key);
	__u64 one = 1;

	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(map, &key, &one, BPF_ANY);
}

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	__u32 key = command(ctx), slot = key & 1;
	void *inner = bpf_map_lookup_elem(&outer, &slot);

	if (!inner || bpf_ringbuf_output(&events, &key, sizeof(key), 0))
		return xdp_tally(ctx, XDP_ABORTED);
	unread = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
	slot = 0;
	add_one(inner, slot);
	add_one(&recent, key);
	add_one(&per_cpu, key);
	return xdp_tally(ctx, XDP_PASS);
}

char _license[] SEC("license") = "GPL";
