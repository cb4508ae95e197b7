/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Frames that leave the program with other bounds than they came with. */
#include "shape.bpf.h"
#include <xdp_tally/tally.bpf.h>

#define TRIM 16
#define VLAN_HLEN 4

/* Takes the VLAN tag off, where there is one. */
SEC("xdp")
int pop_vlan(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct ethhdr untagged;

	if ((void *)eth + ETH_HLEN + VLAN_HLEN > (void *)(long)ctx->data_end ||
	    eth->h_proto != bpf_htons(ETH_P_8021Q))
		return xdp_tally(ctx, XDP_PASS);
	__builtin_memcpy(&untagged, eth, 2 * ETH_ALEN);
	__builtin_memcpy(&untagged.h_proto, (void *)eth + ETH_HLEN + 2, 2);
	if (bpf_xdp_adjust_head(ctx, VLAN_HLEN))
		return xdp_tally(ctx, XDP_ABORTED);
	eth = (void *)(long)ctx->data;
	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return xdp_tally(ctx, XDP_ABORTED);
	__builtin_memcpy(eth, &untagged, sizeof(untagged));
	return xdp_tally(ctx, XDP_PASS);
}

/* Takes a trailer off. A frame too short for that is refused by the kernel. */
SEC("xdp")
int trim(struct xdp_md *ctx)
{
	if (bpf_xdp_adjust_tail(ctx, -TRIM))
		return xdp_tally(ctx, XDP_ABORTED);
	return xdp_tally(ctx, XDP_PASS);
}

char _license[] SEC("license") = "GPL";
