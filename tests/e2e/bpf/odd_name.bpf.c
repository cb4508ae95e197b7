/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A program and a map with long names, which a test overwrites with names that no source can have.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/tally.bpf.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} spare_map_for_names SEC(".maps");

SEC("xdp.frags")
int odd_name_pass(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&spare_map_for_names, &key);

	return xdp_tally(ctx, value ? XDP_PASS : XDP_DROP);
}

char _license[] SEC("license") = "GPL";
