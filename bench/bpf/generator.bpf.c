/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sends every frame that BPF_PROG_TEST_RUN makes out of an interface (live frames, kernel 5.18). */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 ifindex = 0;

SEC("xdp")
int generate(struct xdp_md *ctx)
{
	return (int)bpf_redirect(ifindex, 0);
}

char _license[] SEC("license") = "GPL";
