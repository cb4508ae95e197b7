/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counts the verdicts of somebody else's XDP program: runs right after it (fexit), sees what it
 * returned, and the frame as it left it. One object for every kernel that has fexit on BPF programs
 * (5.5): what a kernel does not have is found out by CO-RE.
 */
#define XDP_TALLY_LINEAR
#define XDP_TALLY_ALONE
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <xdp_tally/tally.bpf.h>
#include "net_device.bpf.h"

#define IFF_SLAVE (1U << 11)	     /* <linux/if.h>: part of a bond or the like */
#define XDP_BUFF_HAS_FRAGS (1U << 0) /* XDP_FLAGS_HAS_FRAGS of enum xdp_buff_flags */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct xdp_rxq_info {
	struct net_device *dev;
};

struct xdp_buff {
	void *data;
	void *data_end;
	struct xdp_rxq_info *rxq;
	__u32 flags; /* kernel 5.18 */
};
#pragma clang attribute pop

enum bpf_func_id___observe {
	BPF_FUNC_xdp_get_buff_len___observe = 188,
};

/* The observed interface: the same program may run on others, and in test runs. */
const volatile __s32 observed_ifindex = 0;
const volatile __u32 observed_netns = 0; /* its inode */

/*
 * A bond has its slaves' drivers run its program (bonding, and netvsc with its virtual function):
 * there the device is the slave, which has no program of its own.
 */
static __always_inline int is_observed(struct net_device *dev)
{
	if (dev->ifindex != observed_ifindex)
		return dev->flags & IFF_SLAVE;
	return dev->nd_net.net->ns.inum == observed_netns;
}

static __always_inline __u64 frame_length(struct xdp_buff *xdp)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___observe,
				       BPF_FUNC_xdp_get_buff_len___observe) &&
	    bpf_core_field_exists(xdp->flags) && (xdp->flags & XDP_BUFF_HAS_FRAGS))
		return bpf_xdp_get_buff_len((struct xdp_md *)xdp);
	return xdp->data_end - xdp->data;
}

SEC("fexit")
int BPF_PROG(observe, struct xdp_buff *xdp, int verdict)
{
	__u32 key = (__u32)verdict < XDP_TALLY_ACTIONS ? verdict : XDP_ABORTED;
	struct xdp_tally_counter *counter;

	if (!is_observed(xdp->rxq->dev))
		return 0;
	counter = bpf_map_lookup_elem(&xdp_stats_map, &key);
	/* As in the observed program, softirqs are off: this slot is this CPU's alone. */
	if (counter) {
		counter->rx_packets++;
		counter->rx_bytes += frame_length(xdp);
	}
	return 0;
}

char _license[] SEC("license") = "GPL";
