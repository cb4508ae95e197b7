/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What became of verdicts: the maps that `xdp_loader --track-delivery` pins once for the machine in
 * xdp:delivery/ below the root of bpffs (no interface name has a ':'). C, C++ and BPF all include
 * this file.
 *
 * Programs on the kernel's own XDP tracepoints count here, packets only, of every XDP program on
 * the machine. Everybody may read the maps (0444). They are frozen (BPF_MAP_FREEZE): nothing but
 * these programs, and the one that the loader runs to forget devices that are gone, ever writes
 * to them.
 *
 * Counts only grow, except that those of a device or map that is gone may be forgotten. Identity
 * is reused: a later device can have the namespace inode and ifindex of an earlier one, and goes
 * on with its counts. So what belongs to a generation of a device is the difference to what its
 * meta says was there when it was loaded (struct xdp_tally_delivery_base of abi.h).
 */
#ifndef XDP_TALLY_DELIVERY_H
#define XDP_TALLY_DELIVERY_H

#include "abi.h"

#define XDP_TALLY_DELIVERY_DIRECTORY "xdp:delivery"

/* Names of the pins in it that everybody may read. The others (0600) are the loader's. */
#define XDP_TALLY_DELIVERY_DEVICES_NAME "devices"
#define XDP_TALLY_DELIVERY_CPUMAPS_NAME "cpumaps"
#define XDP_TALLY_DELIVERY_OVERFLOW_NAME "overflow"
#define XDP_TALLY_DELIVERY_META_NAME "meta"

/*
 * What became of a packet. Anything from 1 to 4095 is the errno that the kernel or the driver
 * gave: ENETDOWN (the target is down), EOPNOTSUPP (the target cannot receive redirected frames),
 * EMSGSIZE (longer than the target's MTU), ENXIO (the target's other end is down, or takes no
 * frames), EINVAL (no such target), ENOSPC, ENOBUFS ...
 */
enum xdp_tally_delivery_reason {
	/* Not lost: the driver of the target took it, or the network stack behind a cpumap. */
	XDP_TALLY_DELIVERED = 0,
	/* The driver of the target dropped it and gave no reason: its ring was full, the frame too
	   long for its other end, or the devmap's own program dropped it. */
	XDP_TALLY_LOST_NO_REASON = 0x10000,
	/* The driver raised xdp_exception: for ABORTED on every packet; for others it could not
	   do what the verdict says. */
	XDP_TALLY_LOST_EXCEPTION = 0x10001,
	/* The queue of a cpumap's CPU was full. */
	XDP_TALLY_LOST_QUEUE_FULL = 0x10002,
	/* The cpumap's own program dropped it. */
	XDP_TALLY_LOST_PROGRAM = 0x10003,
};

/*
 * devices, a BPF_MAP_TYPE_PERCPU_HASH: the key is this, the value a __u64, packets. The device is
 * the one whose program returned the verdict, not the target. A redirect to a cpumap is here only
 * where it failed at once; what became of it afterwards is in cpumaps.
 */
struct xdp_tally_delivery_key {
	__u32 netns_inode; /* of the network namespace's nsfs file, as in xdp_tally_meta */
	__u32 ifindex;	   /* inside that network namespace */
	__u32 action;	   /* ABORTED 0, TX 3, REDIRECT 4; unknown verdicts are ABORTED */
	__u32 reason;	   /* enum xdp_tally_delivery_reason, or an errno */
};

/*
 * cpumaps, of the same type and value: packets that were redirected to a cpumap. The kernel tells
 * the map there, not the device, so a map that programs of several devices use has one count for
 * all. What the cpumap's program redirected further is neither delivered nor lost here: it is in
 * `devices` then, at the device that the packet came from.
 */
struct xdp_tally_cpumap_key {
	__u32 map_id;
	__u32 reason; /* enum xdp_tally_delivery_reason */
};

/*
 * overflow, a BPF_MAP_TYPE_PERCPU_ARRAY of __u64, the packets of keys for which there was no room.
 * Unless an entry is 0, a key that is missing in its map does not mean that nothing was counted.
 */
enum xdp_tally_delivery_overflow {
	XDP_TALLY_OVERFLOW_DELIVERED = 0, /* would be in `devices`, with XDP_TALLY_DELIVERED */
	XDP_TALLY_OVERFLOW_LOST = 1,	  /* with any other reason */
	XDP_TALLY_OVERFLOW_CPUMAP = 2,	  /* would be in `cpumaps` */
	XDP_TALLY_OVERFLOWS = 3,
};

#define XDP_TALLY_DELIVERY_DEVICES_MAX 8192
#define XDP_TALLY_DELIVERY_CPUMAPS_MAX 1024

/* Bits of xdp_tally_delivery_meta.tracepoints. */
enum xdp_tally_tracepoint {
	XDP_TALLY_ON_REDIRECT_ERR = 1U << 0,   /* redirects that failed at once */
	XDP_TALLY_ON_DEVMAP_XMIT = 1U << 1,    /* redirects that reached the target's driver */
	XDP_TALLY_ON_CPUMAP_ENQUEUE = 1U << 2, /* redirects to a cpumap: full queues */
	XDP_TALLY_ON_CPUMAP_KTHREAD = 1U << 3, /* redirects to a cpumap: what came out of it */
	XDP_TALLY_ON_BULK_TX = 1U << 4,	       /* XDP_TX of the drivers that raise it: veth */
	XDP_TALLY_ON_EXCEPTION = 1U << 5,      /* ABORTED; verdicts the driver could not follow */
};

#define XDP_TALLY_DELIVERY_MAGIC 0x796c6444U /* "Ddly" */
#define XDP_TALLY_DELIVERY_ABI_VERSION 1U

/*
 * The value of the one-entry array map `meta`, complete before it is pinned and frozen. Fields are
 * only ever added, at the end; a reader accepts a meta of its own version or newer. It does not
 * use the other maps where their ids differ: they are of another tracking, or in the middle of a
 * change.
 */
struct xdp_tally_delivery_meta {
	__u32 magic;	       /* XDP_TALLY_DELIVERY_MAGIC */
	__u32 abi_version;     /* XDP_TALLY_DELIVERY_ABI_VERSION of the writer */
	__u64 instance;	       /* random, not 0; the same until --untrack-delivery */
	__u64 start_time;      /* nanoseconds since 1970-01-01 UTC (CLOCK_REALTIME) */
	__u32 program_version; /* the loader's number for these programs, which rises */
	__u32 tracepoints;     /* enum xdp_tally_tracepoint: those that are counted */
	__u32 missing;	       /* the same: those that this kernel does not have */
	__u32 devices_map_id;
	__u32 cpumaps_map_id;
	__u32 overflow_map_id;
};

#endif /* XDP_TALLY_DELIVERY_H */
