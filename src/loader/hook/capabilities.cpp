// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/hook/capabilities.h"

#include <fmt/format.h>
#include <unistd.h>

#include "common/bpf/capability_sets.h"

namespace tally::loader {
namespace {

bool includes(const CapabilitySets& data, unsigned int capability) {
    return (data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
}

// Root lacks what the place it runs in has taken away.
std::string hint_at(const std::string& enough, const std::string& options) {
    if (::geteuid() != 0) {
        return "run it as root" + enough;
    }
    return fmt::format(
        "root does not have it here: a container gets it with `{}`, a systemd unit with "
        "CapabilityBoundingSet=",
        options);
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
        .with_hint(hint_at("; CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are enough",
                           "--cap-add BPF --cap-add NET_ADMIN --cap-add PERFMON"));
}

Result<void> check_observe_capabilities() {
    TALLY_ASSIGN_OR_RETURN(auto data, read_capability_sets());
    if (includes(data, CAP_SYS_ADMIN)) {
        return {};
    }
    return make_error(ErrorKind::kPermission, "observing XDP programs", "this process lacks CAP_SYS_ADMIN")
        .with_hint(hint_at("", "--cap-add SYS_ADMIN"));
}

Result<void> check_tracking_capabilities() {
    TALLY_ASSIGN_OR_RETURN(auto data, read_capability_sets());
    std::string missing;
    if (!includes(data, CAP_SYS_ADMIN)) {
        missing = includes(data, CAP_BPF) ? "" : "CAP_BPF";
        if (!includes(data, CAP_PERFMON)) {
            missing += missing.empty() ? "CAP_PERFMON" : " and CAP_PERFMON";
        }
    }
    if (missing.empty()) {
        return {};
    }
    return make_error(ErrorKind::kPermission, "tracking deliveries", "this process lacks " + missing)
        .with_hint(
            hint_at("; CAP_BPF and CAP_PERFMON are enough, with the right to write to the BPF file system",
                    "--cap-add BPF --cap-add PERFMON"));
}

}  // namespace tally::loader
