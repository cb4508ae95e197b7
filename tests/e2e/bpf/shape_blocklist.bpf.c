/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Drops IPv4 packets by their source: the longest prefix in the list decides. */
#include "shape.bpf.h"
#include <linux/ip.h>
#include <xdp_tally/tally.bpf.h>

struct prefix {
	__u32 length;
	__u32 address; /* network byte order */
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct prefix);
	__type(value, __u32); /* the verdict */
} blocklist SEC(".maps");

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct prefix source = {.length = 32};
	__u32 *verdict;

	if ((void *)(ip + 1) > (void *)(long)ctx->data_end || eth->h_proto != bpf_htons(ETH_P_IP))
		return xdp_tally(ctx, XDP_PASS);
	source.address = ip->saddr;
	verdict = bpf_map_lookup_elem(&blocklist, &source);
	return xdp_tally(ctx, verdict ? *verdict : XDP_PASS);
}

char _license[] SEC("license") = "GPL";
