/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What these programs read of the kernel's net_device; CO-RE finds the fields in the running
 * kernel. */
#pragma once

#include <bpf/bpf_core_read.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

struct possible_net {
	struct net *net;
};

struct net_device {
	int ifindex;
	unsigned int flags;
	struct possible_net nd_net;
};
#pragma clang attribute pop
