/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What libxdp before 1.3 put on the hook: version 1, which says so in its BTF alone. Here it calls
 * nobody. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp/prog_dispatcher.h>

const volatile struct {
	__u8 num_progs_enabled;
	__u32 chain_call_actions[MAX_DISPATCHER_ACTIONS];
	__u32 run_prios[MAX_DISPATCHER_ACTIONS];
} conf = {};

SEC("xdp")
int xdp_dispatcher(struct xdp_md *ctx)
{
	return conf.num_progs_enabled ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
__uint(dispatcher_version, 1) SEC(XDP_METADATA_SECTION);
