/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A map that asks libbpf to pin it, which is the loader's work here. */
#include "shape.bpf.h"
#include <xdp_tally/tally.bpf.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sessions SEC(".maps");

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	__u32 key = command(ctx);
	__u64 *count = bpf_map_lookup_elem(&sessions, &key);
	__u64 one = 1;

	if (count)
		__sync_fetch_and_add(count, 1);
	else if (bpf_map_update_elem(&sessions, &key, &one, BPF_NOEXIST))
		return xdp_tally(ctx, XDP_ABORTED);
	return xdp_tally(ctx, XDP_PASS);
}

char _license[] SEC("license") = "GPL";
