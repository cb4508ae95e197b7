/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sends frames out of the device that stands in a DEVMAP, and passes those for which there is none.
 */
#include "shape.bpf.h"
#include <xdp_tally/tally.bpf.h>

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} targets SEC(".maps");

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	return xdp_tally(ctx, bpf_redirect_map(&targets, command(ctx), XDP_PASS));
}

char _license[] SEC("license") = "GPL";
