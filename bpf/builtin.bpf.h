/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The built-in programs, one per verdict. linear.bpf.c and frags.bpf.c include this file after
 * defining TALLY_SECTION and TALLY_NAME, and are included by linear_alone.bpf.c and
 * frags_alone.bpf.c: the loader loads one program of one of the four objects.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/tally.bpf.h>

/* Where xdp_redirect sends: the loader writes one interface here. The kernel clears it when that
 * goes away. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} redirect_to SEC(".maps");

static __always_inline int swap_macs(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	struct ethhdr *eth = data;
	unsigned char source[ETH_ALEN];

	if (data + sizeof(*eth) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	__builtin_memcpy(source, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, source, ETH_ALEN);
	return XDP_TX;
}

SEC(TALLY_SECTION)
int TALLY_NAME(xdp_pass)(struct xdp_md *ctx)
{
	return xdp_tally(ctx, XDP_PASS);
}

SEC(TALLY_SECTION)
int TALLY_NAME(xdp_drop)(struct xdp_md *ctx)
{
	return xdp_tally(ctx, XDP_DROP);
}

SEC(TALLY_SECTION)
int TALLY_NAME(xdp_aborted)(struct xdp_md *ctx)
{
	return xdp_tally(ctx, XDP_ABORTED);
}

SEC(TALLY_SECTION)
int TALLY_NAME(xdp_tx)(struct xdp_md *ctx)
{
	return xdp_tally(ctx, swap_macs(ctx));
}

SEC(TALLY_SECTION)
int TALLY_NAME(xdp_redirect)(struct xdp_md *ctx)
{
	/* The flags are the verdict when the entry is empty: the target interface is gone. */
	return xdp_tally(ctx, bpf_redirect_map(&redirect_to, 0, XDP_ABORTED));
}

char _license[] SEC("license") = "GPL";
