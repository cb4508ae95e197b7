/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern int no_such_kfunc(int value) __ksym;

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	return no_such_kfunc(1) ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
