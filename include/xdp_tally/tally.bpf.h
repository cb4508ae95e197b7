/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Counts packets and bytes per verdict in your own XDP program:
 *
 *	#include <linux/bpf.h>			(or "vmlinux.h")
 *	#include <bpf/bpf_helpers.h>
 *	#include <xdp_tally/tally.bpf.h>
 *
 *	SEC("xdp.frags")
 *	int my_filter(struct xdp_md *ctx)
 *	{
 *		return xdp_tally(ctx, decide(ctx));
 *	}
 *
 * The map is BPF_MAP_TYPE_PERCPU_ARRAY, its value struct xdp_tally_counter. A verdict outside
 * XDP_ABORTED..XDP_REDIRECT counts as XDP_ABORTED, which is how the kernel treats it.
 *
 * Bytes are the whole frame. On kernels with bpf_cast_to_kern_ctx (6.2) its length costs a helper
 * call (bpf_xdp_get_buff_len) for fragmented frames alone; on 5.18 to 6.1 the helper is called for
 * every frame; older kernels have no fragments. A program that is never loaded as `xdp.frags` may
 * define XDP_TALLY_LINEAR before the include: it then needs neither kernel BTF nor any helper, nor,
 * from 6.2 on, the GPL-compatible license that bpf_cast_to_kern_ctx asks for, as every kfunc does.
 *
 * In libxdp's dispatcher a replaced program and the new one both run for a moment, the new one
 * first. So that a packet is counted once, each leaves its generation in a per-CPU map and counts
 * only where no newer one has run. The loader says whether that is needed; where it is not, the
 * verifier takes the code out again, and one load of a constant is left. A program that is never to
 * be in a dispatcher may define XDP_TALLY_ALONE before the include.
 *
 * It is for one source file of an object: it defines maps.
 *
 * Loading needs CAP_PERFMON beside CAP_BPF, as every program does that subtracts packet pointers.
 */
#ifndef XDP_TALLY_TALLY_BPF_H
#define XDP_TALLY_TALLY_BPF_H

#ifndef __VMLINUX_H__
#include <linux/bpf.h>
#endif
#include <bpf/bpf_helpers.h>
#ifndef XDP_TALLY_LINEAR
#include <bpf/bpf_core_read.h>
#endif

#include <xdp_tally/abi.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, XDP_TALLY_ACTIONS);
	__type(key, __u32);
	__type(value, struct xdp_tally_counter);
} xdp_stats_map SEC(".maps");

#ifndef XDP_TALLY_ALONE
/* In a dispatcher the loader puts the generation here, before the program is loaded; else it is 0.
 * A section of its own keeps it out of your .rodata. */
const volatile __u64 xdp_tally_generation SEC(".rodata.tally") = 0;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, XDP_TALLY_MARKS);
	__type(key, __u32);
	__type(value, __u64);
} xdp_tally_mark SEC(".maps");
#endif

#ifndef XDP_TALLY_LINEAR
/* The kernel's own context: the two fields read here, found by CO-RE whatever the kernel's layout.
 */
struct xdp_buff___tally {
	__u32 flags;
} __attribute__((preserve_access_index));

/* The helper's number stands in enum bpf_func_id of kernels that have it; ___ makes CO-RE ignore
 * the suffix. */
enum bpf_func_id___tally {
	BPF_FUNC_xdp_get_buff_len___tally = 188,
};

#define XDP_TALLY_BUFF_HAS_FRAGS (1U << 0) /* XDP_FLAGS_HAS_FRAGS of enum xdp_buff_flags */

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;
#endif

/* Length of the whole frame in bytes, Ethernet header included. */
static __always_inline __u64 xdp_tally_frame_length(struct xdp_md *ctx)
{
#ifndef XDP_TALLY_LINEAR
	if (bpf_cast_to_kern_ctx) {
		struct xdp_buff___tally *buff = bpf_cast_to_kern_ctx(ctx);

		if (__builtin_expect(buff->flags & XDP_TALLY_BUFF_HAS_FRAGS, 0))
			return bpf_xdp_get_buff_len(ctx);
	} else if (bpf_core_enum_value_exists(enum bpf_func_id___tally,
					      BPF_FUNC_xdp_get_buff_len___tally)) {
		return bpf_xdp_get_buff_len(ctx);
	}
#endif
	return (__u64)ctx->data_end - (__u64)ctx->data;
}

#ifndef XDP_TALLY_ALONE
/* In a dispatcher: whether this packet is to be counted by the program of this generation, and not
 * by a newer one, which has run on this CPU before. */
static __always_inline int xdp_tally_is_newest(__u64 generation)
{
	__u32 newest_key = XDP_TALLY_MARK_NEWEST, revoked_key = XDP_TALLY_MARK_REVOKED;
	__u64 *newest = bpf_map_lookup_elem(&xdp_tally_mark, &newest_key);
	__u64 *revoked = bpf_map_lookup_elem(&xdp_tally_mark, &revoked_key);

	if (!newest || !revoked)
		return 1;
	if (*revoked == generation) {
		*newest = 0; /* the older one, which runs after this one, counts this packet */
		return 0;
	}
	if (*newest > generation)
		return 0;
	*newest = generation;
	return 1;
}
#endif

/* Counts this packet under `action` on this CPU and returns `action`. */
static __always_inline int xdp_tally(struct xdp_md *ctx, __u32 action)
{
	__u32 key = action < XDP_TALLY_ACTIONS ? action : XDP_ABORTED;
	struct xdp_tally_counter *counter;

#ifndef XDP_TALLY_ALONE
	/* Read anew where it is needed: kept, it would occupy a register that has to be saved. */
	if (xdp_tally_generation && !xdp_tally_is_newest(xdp_tally_generation))
		return action;
#endif
	counter = bpf_map_lookup_elem(&xdp_stats_map, &key);
	/* XDP runs with softirqs off and this slot is this CPU's: no atomic addition is needed. */
	if (counter) {
		counter->rx_packets++;
		counter->rx_bytes += xdp_tally_frame_length(ctx);
	}
	return action;
}

/* The xdp-project tutorial's name for it: an existing program changes one include. */
static __always_inline __u32 xdp_stats_record_action(struct xdp_md *ctx, __u32 action)
{
	return xdp_tally(ctx, action);
}

#endif /* XDP_TALLY_TALLY_BPF_H */
