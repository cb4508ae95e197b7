// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/hook/capabilities.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <initializer_list>
#include <string_view>

#include "common/bpf/capability_sets.h"

namespace tally::loader {
namespace {

struct Needed {
    unsigned int capability;
    std::string_view name;
    bool in_sys_admin;  // which includes it
};

constexpr Needed kBpf = {CAP_BPF, "CAP_BPF", true};
constexpr Needed kNetAdmin = {CAP_NET_ADMIN, "CAP_NET_ADMIN", false};
constexpr Needed kPerfmon = {CAP_PERFMON, "CAP_PERFMON", true};
constexpr Needed kSysAdmin = {CAP_SYS_ADMIN, "CAP_SYS_ADMIN", false};

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

Result<void> check(std::initializer_list<Needed> all, const std::string& what, const std::string& hint) {
    std::string missing;
    for (const auto& [capability, name, in_sys_admin] : all) {
        if (!has_capability(capability) && !(in_sys_admin && has_capability(CAP_SYS_ADMIN))) {
            missing += fmt::format("{}{}", missing.empty() ? "" : " and ", name);
        }
    }
    return missing.empty()
               ? Result<void>()
               : make_error(ErrorKind::kPermission, what, "this process lacks " + missing).with_hint(hint);
}

}  // namespace

Result<void> check_load_capabilities() {
    return check(
        {kBpf, kNetAdmin}, "changing XDP programs",
        hint_at("; CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are enough, with the right to write to the "
                "BPF file system",
                "--cap-add BPF --cap-add NET_ADMIN --cap-add PERFMON"));
}

Result<void> check_observe_capabilities() {
    return check({kSysAdmin}, "observing XDP programs", hint_at("", "--cap-add SYS_ADMIN"));
}

bool kernel_takes(bpf_prog_type type) {
    // libbpf says no also where it could not try.
    const auto takes = [type] { return libbpf_probe_bpf_prog_type(type, nullptr) == 1; };
    return takes() || takes();
}

bool can_observe() {
    return check_observe_capabilities() && kernel_takes(BPF_PROG_TYPE_TRACING);
}

Result<void> check_tracking_capabilities() {
    return check(
        {kBpf, kPerfmon}, "tracking deliveries",
        hint_at("; CAP_BPF and CAP_PERFMON are enough, with the right to write to the BPF file system",
                "--cap-add BPF --cap-add PERFMON"));
}

}  // namespace tally::loader
