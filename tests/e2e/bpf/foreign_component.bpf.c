/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Somebody else's programs: each counts what it sees, in a map and a way of its own. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp/xdp_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

struct {
	__uint(priority, 20);
	__uint(XDP_PASS, 1);
	__uint(XDP_DROP, 1);
} XDP_RUN_CONFIG(foreign_early);

struct {
	__uint(priority, 2000000);
	__uint(XDP_PASS, 1);
} XDP_RUN_CONFIG(foreign_late);

static __always_inline int count(void)
{
	__u32 key = 0;
	__u64 *packets = bpf_map_lookup_elem(&seen, &key);

	if (packets)
		++*packets;
	return XDP_PASS;
}

SEC("xdp")
int foreign_early(struct xdp_md *ctx)
{
	return count();
}

SEC("xdp")
int foreign_late(struct xdp_md *ctx)
{
	return count();
}

char _license[] SEC("license") = "GPL";
