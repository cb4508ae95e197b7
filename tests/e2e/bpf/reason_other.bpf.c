/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What reason_unlinked.bpf.c and reason_unlinked_map.bpf.c are linked with. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} verdicts SEC(".maps");

__attribute__((noinline)) int verdict_of(__u32 queue)
{
	return queue > 64 ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
