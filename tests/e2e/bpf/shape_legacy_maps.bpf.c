/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A map as people defined it before libbpf 1.0. */
#include "shape.bpf.h"
#include <xdp_tally/abi.h>

struct {
	__u32 type;
	__u32 key_size;
	__u32 value_size;
	__u32 max_entries;
	__u32 map_flags;
} xdp_stats_map SEC("maps") = {
    .type = BPF_MAP_TYPE_PERCPU_ARRAY,
    .key_size = sizeof(__u32),
    .value_size = sizeof(struct xdp_tally_counter),
    .max_entries = XDP_TALLY_ACTIONS,
};

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	__u32 key = command(ctx);

	return bpf_map_lookup_elem(&xdp_stats_map, &key) ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
