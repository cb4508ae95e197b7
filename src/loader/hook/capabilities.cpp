// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/hook/capabilities.h"

#include "common/base/capability_sets.h"

namespace tally::loader {
namespace {

bool includes(const CapabilitySets& data, unsigned int capability) {
    return (data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
}

}  // namespace

Result<void> check_load_capabilities() {
    TALLY_ASSIGN_OR_RETURN(auto data, read_capability_sets());
    const auto has = [&data](unsigned int capability) { return includes(data, capability); };
    std::string missing;
    if (!has(CAP_BPF) && !has(CAP_SYS_ADMIN)) {
        missing = "CAP_BPF";
    }
    if (!has(CAP_NET_ADMIN)) {
        missing += missing.empty() ? "CAP_NET_ADMIN" : " and CAP_NET_ADMIN";
    }
    if (missing.empty()) {
        return {};
    }
    return make_error(ErrorKind::kPermission, "changing XDP programs", "this process lacks " + missing)
        .with_hint("run it with sudo; CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are enough");
}

Result<void> check_observe_capabilities() {
    TALLY_ASSIGN_OR_RETURN(auto data, read_capability_sets());
    if (includes(data, CAP_SYS_ADMIN)) {
        return {};
    }
    return make_error(ErrorKind::kPermission, "observing XDP programs", "this process lacks CAP_SYS_ADMIN")
        .with_hint("run it with sudo");
}

}  // namespace tally::loader
