/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What xdp_loader writes into bpffs and every reader may rely on. C, C++ and BPF all include this
 * file.
 *
 * Integers are in host byte order: a pinned map never leaves its machine. Fields are only ever
 * added, at the end, with a new XDP_TALLY_ABI_VERSION; a reader accepts a meta of any version,
 * takes fields that its writer did not know yet as 0, and ignores those that it does not know
 * itself.
 */
#ifndef XDP_TALLY_ABI_H
#define XDP_TALLY_ABI_H

#ifndef __VMLINUX_H__ /* a BPF program built on vmlinux.h has the types already */
#include <linux/types.h>
#endif

/* Names of the pins in an interface's directory. */
#define XDP_TALLY_MAP_NAME "xdp_stats_map"
#define XDP_TALLY_META_NAME "xdp_stats_meta"
#define XDP_TALLY_LINK_NAME "xdp_link"
#define XDP_TALLY_MARK_NAME "xdp_tally_mark" /* in a dispatcher: see tally.bpf.h */

/* ABORTED 0, DROP 1, PASS 2, TX 3, REDIRECT 4: enum xdp_action of <linux/bpf.h>. */
#define XDP_TALLY_ACTIONS 5

/*
 * One entry of the counter map, a BPF_MAP_TYPE_PERCPU_ARRAY with the XDP action as its key. Name,
 * order and size are those of the xdp-project tutorial and of libxdp's <xdp/xdp_stats_kern.h>.
 * Bytes are whole Ethernet frames as XDP sees them (no FCS), fragments included.
 */
struct xdp_tally_counter {
	__u64 rx_packets;
	__u64 rx_bytes;
};

#define XDP_TALLY_MAGIC 0x796c6154U /* "Taly" */
#define XDP_TALLY_ABI_VERSION 2U
#define XDP_TALLY_MAX_MAPS 256

enum xdp_tally_mode {
	XDP_TALLY_MODE_NATIVE = 1,
	XDP_TALLY_MODE_GENERIC = 2,
	XDP_TALLY_MODE_OFFLOADED = 3,
};

enum xdp_tally_attach {
	XDP_TALLY_ATTACH_LINK = 1,	 /* a bpf_link, pinned as xdp_link */
	XDP_TALLY_ATTACH_DISPATCHER = 2, /* a component of libxdp's dispatcher */
	XDP_TALLY_ATTACH_NETLINK = 3,	 /* attached by netlink, replacing another program */
	XDP_TALLY_ATTACH_OBSERVE = 4,	 /* counts the verdicts of somebody else's program */
};

/*
 * The entries of xdp_tally_mark, a BPF_MAP_TYPE_PERCPU_ARRAY of __u64 that all generations of a
 * lineage share while they run in a dispatcher.
 */
#define XDP_TALLY_MARK_NEWEST 0	 /* the newest generation that has run on this CPU */
#define XDP_TALLY_MARK_REVOKED 1 /* a generation that is being rolled back: it must not count */
#define XDP_TALLY_MARKS 2

/* Bits of xdp_tally_meta.flags. */
/* 1U and 2U are reserved: version 0.1.0 set them on maps to which it had added earlier counts. */
#define XDP_TALLY_META_FRAGS 4U /* the program takes frames in several buffers (xdp.frags) */
/* The program uses xdp_tally_mark: replacing it in a dispatcher counts exactly. */
#define XDP_TALLY_META_MARKS 8U
/* Loaded by `xdp_loader --run`, which holds the flock of +run/ beside the pins until it unloads. */
#define XDP_TALLY_META_RUN 16U
/* The program is xdp_loader's own, not one out of a file. */
#define XDP_TALLY_META_BUILT_IN 32U

/* Packets that were delivered, or lost for a reason: delivery.h has the reasons. */
struct xdp_tally_delivery_count {
	__u32 action;
	__u32 reason;
	__u64 packets;
};

/*
 * What the maps of delivery.h held at one moment for one device: its own counts, and those of the
 * cpumaps in the map_ids of its meta, added up by verdict and reason. What they hold now, minus
 * this, modulo 2^64, is what has been counted since. Where programs other than those of the
 * lineage redirected on that device meanwhile, that is in it, too.
 */
#define XDP_TALLY_DELIVERY_BASE_MAX 32
struct xdp_tally_delivery_base {
	/* Of the xdp_tally_delivery_meta then; 0: nothing is known of that moment. */
	__u64 instance;
	__u32 count; /* valid entries of counts; one that is not there was 0 */
	__u32 reserved;
	struct xdp_tally_delivery_count counts[XDP_TALLY_DELIVERY_BASE_MAX];
};

/*
 * The value of the one-entry array map xdp_stats_meta: who counts into the map beside it. Every
 * generation has a map of its own, complete before it is renamed over the pin and frozen
 * (BPF_MAP_FREEZE), so what a reader gets is whole, and nobody has changed it since.
 */
struct xdp_tally_meta {
	__u32 magic;	   /* XDP_TALLY_MAGIC */
	__u32 abi_version; /* XDP_TALLY_ABI_VERSION of the writer */
	__u64 lineage; /* random; the same in all generations between a first load and the unload */
	__u64 generation;  /* 1 on the first load, +1 whenever the counter map or the program is
			      replaced */
	__u64 load_time;   /* nanoseconds since 1970-01-01 UTC (CLOCK_REALTIME) */
	__u64 netns_inode; /* inode of the network namespace's nsfs file (/proc/self/ns/net) */
	__u32 counter_map_id;
	__u32 program_id;
	__u32 ifindex;	   /* inside that network namespace */
	__u32 attach_mode; /* enum xdp_tally_mode */
	__u32 attach_kind; /* enum xdp_tally_attach */
	__u32 map_count;   /* valid entries of map_ids */
	__u32 flags;	   /* XDP_TALLY_META_... */
	/*
	 * A map that no other program uses, 0 where there is none. Before libxdp has loaded a
	 * component its id is not known (program_id is 0): by this map it is found among the
	 * dispatcher's, should the loader die at that moment.
	 */
	__u32 own_map_id;
	char interface[16]; /* IFNAMSIZ; always terminated */
	char program[64];   /* the program's full name, cut if longer; always terminated */
	/*
	 * What earlier counter maps of this lineage held when they were replaced, and what maps of
	 * loads that failed had counted until then. carried plus the pinned map is the exact total
	 * since generation 1, whatever replacements a reader did not see. It may grow within a
	 * generation: then a new xdp_stats_meta with otherwise equal fields is pinned. Of an
	 * adopted counter map, what that held at the adoption is taken off, modulo 2^64.
	 */
	struct xdp_tally_counter carried[XDP_TALLY_ACTIONS];
	/*
	 * The first map_count: ids of every map that this generation or an earlier one has pinned
	 * here; a pin of another map is not ours. Behind them, up to the first 0: adopted maps,
	 * which the program uses and somebody else had pinned before. Their pins are never removed
	 * or replaced.
	 */
	__u32 map_ids[XDP_TALLY_MAX_MAPS];
	/* abi_version 2: where totals of what was delivered and lost begin. */
	struct xdp_tally_delivery_base delivery_first; /* of the lineage, as carried has it */
	struct xdp_tally_delivery_base delivery_map;   /* of the counter map */
};

#endif /* XDP_TALLY_ABI_H */
