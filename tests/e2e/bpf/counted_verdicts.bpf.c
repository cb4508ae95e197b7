/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A program that counts the verdicts that the sender chooses: one device has all of them. */
#include "verdicts.bpf.h"
#include <xdp_tally/tally.bpf.h>

SEC("xdp")
int by_destination(struct xdp_md *ctx)
{
	return xdp_tally(ctx, chosen_verdict(ctx));
}
