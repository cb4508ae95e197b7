/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "verdicts.bpf.h"

SEC("xdp")
int verdict_by_destination(struct xdp_md *ctx)
{
	return chosen_verdict(ctx);
}
