/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `shared` of generation_a.bpf.c, with the same sizes and another meaning: only BTF tells them
 * apart. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/tally.bpf.h>

struct two_halves {
	__u32 low;
	__u32 high;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct two_halves);
} shared SEC(".maps");

SEC("xdp.frags")
int shared_fields(struct xdp_md *ctx)
{
	__u32 key = 0;
	struct two_halves *value = bpf_map_lookup_elem(&shared, &key);

	if (value)
		value->low++;
	return xdp_tally(ctx, XDP_PASS);
}

char _license[] SEC("license") = "GPL";
