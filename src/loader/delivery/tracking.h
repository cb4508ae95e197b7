// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Counting what becomes of verdicts, once for the machine: on, off, and whether it is.
//
// <root>/xdp:delivery/  0755: the maps of <xdp_tally/delivery.h> (0444); `programs` and a link for each
//                       tracepoint (0600). Its meta is pinned last and removed first: without it there is no
//                       tracking, only what an interrupted change has left. What is attached to a tracepoint
//                       stays there; a newer version replaces the program that it goes on to.
#pragma once

#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/pins/delivery_sums.h"
#include "common/pins/netns_context.h"
#include "loader/outcome.h"

namespace tally::loader {

// Either all is in place afterwards, or nothing is; kPermission without CAP_BPF and CAP_PERFMON. Where it is
// tracked already, counts of devices that are gone are forgotten. Mounts a BPF file system where there is
// none on the default root.
Result<DeliveryOutcome> track_delivery(NetnsContext& context, bool dry_run);

// Forgets what is gone where `counts`, the latest that were read, take more than half of the room: what a
// load does, so that devices that come and go never fill it. What was done in words; empty where nothing was,
// or could be.
std::string make_room_if_needed(const NetnsContext& context, const DeliveryCounts& counts);

// Nothing of it is left afterwards, the counts included.
Result<DeliveryOutcome> untrack_delivery(const NetnsContext& context, bool dry_run);

// None where delivery is not tracked and nothing is left of it. Needs no privilege.
Result<std::optional<DeliveryOutcome>> delivery_status(const NetnsContext& context);
// The same where nothing else of xdp_loader is left in this bpffs, with a note of the command that ends it.
Result<std::optional<DeliveryOutcome>> forgotten_delivery(const NetnsContext& context);

}  // namespace tally::loader
