/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a libxdp to come may put on the hook: its name, the magic number, and a version that nobody
 * knows. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp/prog_dispatcher.h>

const volatile struct xdp_dispatcher_config conf = {
    .magic = XDP_DISPATCHER_MAGIC,
    .dispatcher_version = XDP_DISPATCHER_VERSION + 1,
    .num_progs_enabled = 1,
};

SEC("xdp")
int xdp_dispatcher(struct xdp_md *ctx)
{
	return conf.num_progs_enabled ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
