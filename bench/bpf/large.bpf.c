/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Some thousand instructions, all of which the verifier walks: a checksum over the packet,
 * unrolled. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define LENGTH 1024

SEC("xdp")
int large(struct xdp_md *ctx)
{
	const __u8 *data = (const __u8 *)(long)ctx->data;
	__u32 a = 1, b = 0;

	if (data + LENGTH > (const __u8 *)(long)ctx->data_end)
		return XDP_PASS;
#pragma clang loop unroll(full)
	for (int i = 0; i < LENGTH; i++) {
		a += data[i];
		b += a;
	}
	return ((b ^ a) & 255) == 0 ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
