/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One program writes metadata in front of the frame, the next one decides by it alone. */
#include "shape.bpf.h"
#include <xdp_tally/tally.bpf.h>

int read_meta(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} next SEC(".maps") = {
    .values = {(void *)&read_meta},
};

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	__u32 word = command(ctx);
	__u32 *meta;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)))
		return xdp_tally(ctx, XDP_ABORTED);
	meta = (void *)(long)ctx->data_meta;
	if ((void *)(meta + 1) > (void *)(long)ctx->data)
		return xdp_tally(ctx, XDP_ABORTED);
	*meta = word;
	bpf_tail_call(ctx, &next, 0);
	return xdp_tally(ctx, XDP_ABORTED);
}

SEC("xdp")
int read_meta(struct xdp_md *ctx)
{
	__u32 *meta = (void *)(long)ctx->data_meta;

	if ((void *)(meta + 1) > (void *)(long)ctx->data)
		return xdp_tally(ctx, XDP_ABORTED);
	return xdp_tally(ctx, *meta == 0 ? XDP_PASS : XDP_DROP);
}

char _license[] SEC("license") = "GPL";
