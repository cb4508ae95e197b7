/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * No program: what the value of xdp_stats_meta is, as BTF. The loader gives it to the maps that it
 * makes, so that `bpftool map dump` shows fields.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/abi.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdp_tally_meta);
} xdp_stats_meta SEC(".maps");
