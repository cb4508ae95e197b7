/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A program that only a kernel with bpf_cast_to_kern_ctx takes. The public header's own use of it
 * is weak.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym;

SEC("xdp")
int kernel_cast(struct xdp_md *ctx)
{
	return bpf_cast_to_kern_ctx(ctx) ? XDP_PASS : XDP_ABORTED;
}

char _license[] SEC("license") = "GPL";
