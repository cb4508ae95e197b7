/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Room for more CPUs than any kernel has. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 1 << 20);
	__type(key, __u32);
	__type(value, __u32);
} cpus SEC(".maps");

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	return bpf_redirect_map(&cpus, 0, 0);
}

char _license[] SEC("license") = "GPL";
