#include "loader/capabilities.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

namespace tally::loader {
namespace {

using Capabilities = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

Result<Capabilities> effective_capabilities() {
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    Capabilities data = {};
    if (::syscall(SYS_capget, &header, data.data()) != 0) {
        return last_error("reading this process's capabilities");
    }
    return data;
}

bool includes(const Capabilities& data, unsigned int capability) {
    return (data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
}

}  // namespace

Result<void> check_load_capabilities() {
    TALLY_TRY_ASSIGN(data, effective_capabilities());
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
    TALLY_TRY_ASSIGN(data, effective_capabilities());
    if (includes(data, CAP_SYS_ADMIN)) {
        return {};
    }
    return make_error(ErrorKind::kPermission, "observing XDP programs", "this process lacks CAP_SYS_ADMIN")
        .with_hint("run it with sudo");
}

}  // namespace tally::loader
