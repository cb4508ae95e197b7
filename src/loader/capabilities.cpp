#include "loader/capabilities.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

namespace tally::loader {

Result<void> check_load_capabilities() {
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data = {};
    if (::syscall(SYS_capget, &header, data.data()) != 0) {
        return last_error("reading this process's capabilities");
    }
    const auto has = [&data](unsigned int capability) {
        return (data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
    };
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

}  // namespace tally::loader
