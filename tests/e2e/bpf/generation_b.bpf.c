/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/tally.bpf.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} shared SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} only_b SEC(".maps");

SEC("xdp.frags")
int generation_b(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u64 *in_shared = bpf_map_lookup_elem(&shared, &key);
	__u64 *in_b = bpf_map_lookup_elem(&only_b, &key);

	if (in_shared && in_b) {
		__sync_fetch_and_add(in_shared, 1);
		__sync_fetch_and_add(in_b, 1);
	}
	return xdp_tally(ctx, XDP_PASS);
}

char _license[] SEC("license") = "GPL";
