/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Several programs, of which one at a time is wanted. No kernel takes the last one. */
#include "shape.bpf.h"
#include <xdp_tally/tally.bpf.h>

SEC("xdp")
int pass_all(struct xdp_md *ctx)
{
	return xdp_tally(ctx, XDP_PASS);
}

SEC("xdp.frags")
int drop_all(struct xdp_md *ctx)
{
	return xdp_tally(ctx, XDP_DROP);
}

SEC("xdp")
int out_of_bounds(struct xdp_md *ctx)
{
	return xdp_tally(ctx, *(__u8 *)(long)ctx->data_end);
}

char _license[] SEC("license") = "GPL";
