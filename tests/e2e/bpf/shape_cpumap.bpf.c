/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Hands frames to the CPU that stands in a CPUMAP, and drops those for which there is none. */
#include "shape.bpf.h"
#include <xdp_tally/tally.bpf.h>

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct bpf_cpumap_val);
} cpus SEC(".maps");

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	return xdp_tally(ctx, bpf_redirect_map(&cpus, command(ctx), XDP_DROP));
}

char _license[] SEC("license") = "GPL";
