/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A plain mistake at the end of a long walk: the log is larger than a megabyte. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define STEPS 2000

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	unsigned char *data = (void *)(long)ctx->data;
	unsigned char *end = (void *)(long)ctx->data_end;
	__u32 sum = 0;

	for (int i = 0; i < STEPS; i++) {
		if (data + i + 1 > end)
			break;
		sum += data[i];
	}
	return data[STEPS + 100] == sum ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
