// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What this process and this kernel are able to do.
#pragma once

#include <linux/bpf.h>

#include "common/base/result.h"

namespace tally::loader {

// kPermission, naming what is missing, unless this process may load and attach XDP programs:
// CAP_BPF (or CAP_SYS_ADMIN, which includes it) and CAP_NET_ADMIN. CAP_BPF: kernel 5.8.
Result<void> check_load_capabilities();

// The same for observing, which has to open other people's programs by their ids: CAP_SYS_ADMIN.
Result<void> check_observe_capabilities();

// Whether this kernel loads programs of the type for this process.
bool kernel_takes(bpf_prog_type type);
// Observing has what it takes: the capabilities, and a kernel with programs that trace others (fexit).
bool can_observe();

// As check_load_capabilities for programs on tracepoints: CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN, which
// includes both).
Result<void> check_tracking_capabilities();

}  // namespace tally::loader
