/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Global data of every kind, beside a map: frames whose command is above the limit are dropped. */
#include "shape.bpf.h"
#include <xdp_tally/tally.bpf.h>

#ifndef OVER_LIMIT
#define OVER_LIMIT XDP_DROP
#endif
#ifndef SEEN
#define SEEN seen
#define OVER over
#endif

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} by_command SEC(".maps");

const volatile __u32 over_limit = OVER_LIMIT; /* .rodata: the program's own */
volatile __u32 limit = 2;		      /* .data: changed by whoever knows the pin */
__u64 SEEN;				      /* .bss */
__u64 OVER;

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	__u32 key = command(ctx);
	__u64 *count = bpf_map_lookup_elem(&by_command, &key);

	if (!count)
		return xdp_tally(ctx, XDP_ABORTED);
	__sync_fetch_and_add(count, 1);
	__sync_fetch_and_add(&SEEN, 1);
	if (key <= limit)
		return xdp_tally(ctx, XDP_PASS);
	__sync_fetch_and_add(&OVER, 1);
	return xdp_tally(ctx, over_limit);
}

char _license[] SEC("license") = "GPL";
