/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the shapes of test_shapes.py share: frames whose first byte behind the Ethernet header says
 * what is to become of them. */
#ifndef SHAPE_BPF_H
#define SHAPE_BPF_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define NO_SUCH_BYTE 0xffffffffU

/* The byte at `offset` of the frame. */
static __always_inline __u32 frame_byte(struct xdp_md *ctx, __u32 offset)
{
	__u8 *byte = (__u8 *)(long)ctx->data + offset;

	return (void *)(byte + 1) <= (void *)(long)ctx->data_end ? *byte : NO_SUCH_BYTE;
}

static __always_inline __u32 command(struct xdp_md *ctx)
{
	return frame_byte(ctx, ETH_HLEN);
}

#endif
