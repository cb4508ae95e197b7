/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What became of verdicts (<xdp_tally/delivery.h>): programs on the kernel's own XDP tracepoints.
 * xdp_redirect is not among them, because it fires for every packet; these fire once a bulk, or
 * where a packet is lost.
 *
 * A raw tracepoint's link can neither be updated nor replaced at once. So what is attached to each
 * tracepoint only goes on, by a tail call, to the program that counts: a newer loader renews that
 * one in place, and no event is missed or counted twice.
 */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <xdp_tally/abi.h>
#include <xdp_tally/delivery.h>
#include "net_device.bpf.h"

#define HIGHEST_ERRNO 4095 /* MAX_ERRNO of <linux/err.h> */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct bpf_prog {
	enum bpf_attach_type expected_attach_type;
};

struct xdp_cpumap_stats {
	unsigned int redirect;
	unsigned int pass;
	unsigned int drop;
};
#pragma clang attribute pop

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, XDP_TALLY_DELIVERY_DEVICES_MAX);
	__type(key, struct xdp_tally_delivery_key);
	__type(value, __u64);
} delivery_dev SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, XDP_TALLY_DELIVERY_CPUMAPS_MAX);
	__type(key, struct xdp_tally_cpumap_key);
	__type(value, __u64);
} delivery_cpumap SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, XDP_TALLY_OVERFLOWS);
	__type(key, __u32);
	__type(value, __u64);
} delivery_over SEC(".maps");

/* The counting program of each tracepoint, by the number of its bit in enum xdp_tally_tracepoint.
 */
enum slot {
	SLOT_REDIRECT_ERR,
	SLOT_DEVMAP_XMIT,
	SLOT_CPUMAP_ENQUEUE,
	SLOT_CPUMAP_KTHREAD,
	SLOT_BULK_TX,
	SLOT_EXCEPTION,
	SLOTS,
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, __u32);
} delivery_progs SEC(".maps");

/* The device whose redirect failed last on this CPU; ifindex 0 once that has been looked at. */
struct device {
	__u32 netns_inode;
	__u32 ifindex;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct device);
} delivery_last SEC(".maps");

/* Tracepoints run with preemption disabled, and no XDP in hardware interrupts: a slot is this
 * CPU's alone. */
static __always_inline void add(void *map, const void *key, __u64 packets, __u32 overflow)
{
	__u64 *count = bpf_map_lookup_elem(map, key);

	if (!count) {
		if (bpf_map_update_elem(map, key, &packets, BPF_NOEXIST) == 0)
			return;
		/* Another CPU may have made it meanwhile. */
		count = bpf_map_lookup_elem(map, key);
	}
	if (!count)
		count = bpf_map_lookup_elem(&delivery_over, &overflow);
	if (count)
		*count += packets;
}

static __always_inline struct device identify(struct net_device *dev)
{
	struct device device = {
	    .netns_inode = BPF_CORE_READ(dev, nd_net.net, ns.inum),
	    .ifindex = BPF_CORE_READ(dev, ifindex),
	};

	return device;
}

static __always_inline void add_to_device(struct device device, __u32 action, __u32 reason,
					  __u64 packets)
{
	const struct xdp_tally_delivery_key key = {
	    .netns_inode = device.netns_inode,
	    .ifindex = device.ifindex,
	    .action = action,
	    .reason = reason,
	};

	add(&delivery_dev, &key, packets,
	    reason == XDP_TALLY_DELIVERED ? XDP_TALLY_OVERFLOW_DELIVERED : XDP_TALLY_OVERFLOW_LOST);
}

static __always_inline void add_to_cpumap(__u32 map_id, __u32 reason, __s64 packets)
{
	const struct xdp_tally_cpumap_key key = {.map_id = map_id, .reason = reason};

	if (packets > 0)
		add(&delivery_cpumap, &key, packets, XDP_TALLY_OVERFLOW_CPUMAP);
}

static __always_inline __u32 reason_of(int err)
{
	return err < 0 && err >= -HIGHEST_ERRNO ? -err : XDP_TALLY_LOST_NO_REASON;
}

/* Frames can be dropped whatever err says. */
static __always_inline void add_bulk(struct net_device *dev, __u32 action, int sent, int drops,
				     int err)
{
	const struct device device = identify(dev);

	if (sent > 0)
		add_to_device(device, action, XDP_TALLY_DELIVERED, sent);
	if (drops > 0)
		add_to_device(device, action, reason_of(err), drops);
}

/* Of a map, not of a device: what it drops is counted with the map's frames. */
static __always_inline int is_map_program(struct bpf_prog *prog)
{
	enum bpf_attach_type type;

	if (!bpf_core_field_exists(prog->expected_attach_type))
		return 0;
	type = BPF_CORE_READ(prog, expected_attach_type);
	return type == BPF_XDP_DEVMAP || type == BPF_XDP_CPUMAP;
}

/* The arguments of a tracepoint; what is an int there has to be cast to one. */
#define ARGUMENT(type, n) ((type)ctx->args[n])
#define DEVICE_ARGUMENT ARGUMENT(struct net_device *, 0)

/* xdp_redirect_err: dev, prog, tgt, err, and what differs between kernels */
SEC("raw_tp")
int count_redirect_err(struct bpf_raw_tracepoint_args *ctx)
{
	const __u32 zero = 0;
	struct device device;
	struct device *last;

	if (is_map_program(ARGUMENT(struct bpf_prog *, 1)))
		return 0;
	device = identify(DEVICE_ARGUMENT);
	add_to_device(device, XDP_REDIRECT, reason_of(ARGUMENT(int, 3)), 1);
	last = bpf_map_lookup_elem(&delivery_last, &zero);
	if (last)
		*last = device;
	return 0;
}

/* xdp_devmap_xmit: from_dev, to_dev, sent, drops, err */
SEC("raw_tp")
int count_devmap_xmit(struct bpf_raw_tracepoint_args *ctx)
{
	add_bulk(DEVICE_ARGUMENT, XDP_REDIRECT, ARGUMENT(int, 2), ARGUMENT(int, 3),
		 ARGUMENT(int, 4));
	return 0;
}

/* xdp_cpumap_enqueue: map_id, processed, drops, to_cpu */
SEC("raw_tp")
int count_cpumap_enqueue(struct bpf_raw_tracepoint_args *ctx)
{
	add_to_cpumap(ARGUMENT(int, 0), XDP_TALLY_LOST_QUEUE_FULL, ARGUMENT(int, 2));
	return 0;
}

/* xdp_cpumap_kthread: map_id, processed, drops, sched, stats */
SEC("raw_tp")
int count_cpumap_kthread(struct bpf_raw_tracepoint_args *ctx)
{
	struct xdp_cpumap_stats *stats = ARGUMENT(struct xdp_cpumap_stats *, 4);
	const __s64 dropped = BPF_CORE_READ(stats, drop);
	const __s64 redirected = BPF_CORE_READ(stats, redirect);
	const __s64 no_memory = ARGUMENT(int, 2);
	const int map_id = ARGUMENT(int, 0);

	add_to_cpumap(map_id, XDP_TALLY_LOST_PROGRAM, dropped);
	add_to_cpumap(map_id, ENOMEM, no_memory);
	add_to_cpumap(map_id, XDP_TALLY_DELIVERED,
		      ARGUMENT(int, 1) - dropped - redirected - no_memory);
	return 0;
}

/* xdp_bulk_tx: dev, sent, drops, err */
SEC("raw_tp")
int count_bulk_tx(struct bpf_raw_tracepoint_args *ctx)
{
	add_bulk(DEVICE_ARGUMENT, XDP_TX, ARGUMENT(int, 1), ARGUMENT(int, 2), ARGUMENT(int, 3));
	return 0;
}

/* xdp_exception: dev, prog, act */
SEC("raw_tp")
int count_exception(struct bpf_raw_tracepoint_args *ctx)
{
	const __u32 action = ARGUMENT(__u32, 2);
	const __u32 zero = 0;
	struct device device;
	struct device *last;

	if (is_map_program(ARGUMENT(struct bpf_prog *, 1)))
		return 0;
	device = identify(DEVICE_ARGUMENT);
	last = bpf_map_lookup_elem(&delivery_last, &zero);
	/* Some drivers raise it where a redirect has just failed. */
	if (action == XDP_REDIRECT && last && last->ifindex == device.ifindex &&
	    last->netns_inode == device.netns_inode) {
		last->ifindex = 0;
		return 0;
	}
	add_to_device(device, action < XDP_TALLY_ACTIONS ? action : XDP_ABORTED,
		      XDP_TALLY_LOST_EXCEPTION, 1);
	return 0;
}

#define ATTACHED_TO(tracepoint, slot)                                                              \
	SEC("raw_tp/xdp_" #tracepoint)                                                             \
	int on_##tracepoint(struct bpf_raw_tracepoint_args *ctx)                                   \
	{                                                                                          \
		bpf_tail_call(ctx, &delivery_progs, slot);                                         \
		return 0;                                                                          \
	}

ATTACHED_TO(redirect_err, SLOT_REDIRECT_ERR)
ATTACHED_TO(devmap_xmit, SLOT_DEVMAP_XMIT)
ATTACHED_TO(cpumap_enqueue, SLOT_CPUMAP_ENQUEUE)
ATTACHED_TO(cpumap_kthread, SLOT_CPUMAP_KTHREAD)
ATTACHED_TO(bulk_tx, SLOT_BULK_TX)
ATTACHED_TO(exception, SLOT_EXCEPTION)

/*
 * User space cannot delete from frozen maps. The loader has the kernel run these, by
 * BPF_PROG_TEST_RUN (5.10), for devices and maps that are gone.
 */
SEC("raw_tp")
int forget_device(struct bpf_raw_tracepoint_args *ctx)
{
	const struct xdp_tally_delivery_key key = {
	    .netns_inode = ARGUMENT(__u32, 0),
	    .ifindex = ARGUMENT(__u32, 1),
	    .action = ARGUMENT(__u32, 2),
	    .reason = ARGUMENT(__u32, 3),
	};

	return bpf_map_delete_elem(&delivery_dev, &key);
}

SEC("raw_tp")
int forget_cpumap(struct bpf_raw_tracepoint_args *ctx)
{
	const struct xdp_tally_cpumap_key key = {
	    .map_id = ARGUMENT(__u32, 0),
	    .reason = ARGUMENT(__u32, 1),
	};

	return bpf_map_delete_elem(&delivery_cpumap, &key);
}

char _license[] SEC("license") = "GPL";
