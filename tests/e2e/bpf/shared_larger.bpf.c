/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `shared` of generation_a.bpf.c, with another type, key, value, size and flags. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/tally.bpf.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u32);
} shared SEC(".maps");

SEC("xdp.frags")
int shared_larger(struct xdp_md *ctx)
{
	__u64 key = 0;

	bpf_map_lookup_elem(&shared, &key);
	return xdp_tally(ctx, XDP_PASS);
}

char _license[] SEC("license") = "GPL";
