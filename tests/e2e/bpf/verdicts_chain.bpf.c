/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Two components: the first drops what is to be dropped and hands on the rest, the second does all
 * else. */
#include "verdicts.bpf.h"
#include <xdp/xdp_helpers.h>

struct {
	__uint(priority, 10);
	__uint(XDP_PASS, 1);
} XDP_RUN_CONFIG(first_drops);

struct {
	__uint(priority, 20);
	__uint(XDP_PASS, 1);
} XDP_RUN_CONFIG(then_chooses);

SEC("xdp")
int first_drops(struct xdp_md *ctx)
{
	return chosen_verdict(ctx) == XDP_DROP ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int then_chooses(struct xdp_md *ctx)
{
	return chosen_verdict(ctx);
}
