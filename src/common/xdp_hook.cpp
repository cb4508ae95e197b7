#include "common/xdp_hook.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <net/if.h>

#include <array>

#include <xdp_tally/abi.h>

#include "common/libbpf_options.h"

namespace tally {

std::optional<AttachedProgram> XdpHook::find(std::uint32_t id) const {
    for (const auto& candidate : {program, offloaded}) {
        if (candidate && candidate->id == id) {
            return candidate;
        }
    }
    return std::nullopt;
}

Result<XdpHook> query_xdp_hook(std::uint32_t ifindex) {
    bpf_xdp_query_opts options;
    init_options(options);
    if (const int code = bpf_xdp_query(static_cast<int>(ifindex), 0, &options); code != 0) {
        return system_error(code, fmt::format("asking which XDP program runs on interface {}", ifindex));
    }
    const bool nothing = options.drv_prog_id == 0 && options.skb_prog_id == 0 && options.hw_prog_id == 0;
    std::array<char, IF_NAMESIZE> name = {};
    // For an interface that is gone libbpf 1.1 finds nothing, and no error either.
    if (nothing && ::if_indextoname(ifindex, name.data()) == nullptr) {
        return last_error(fmt::format("asking which XDP program runs on interface {}", ifindex));
    }
    XdpHook hook;
    if (options.drv_prog_id != 0) {
        hook.program = AttachedProgram{options.drv_prog_id, XDP_TALLY_MODE_NATIVE};
    } else if (options.skb_prog_id != 0) {
        hook.program = AttachedProgram{options.skb_prog_id, XDP_TALLY_MODE_GENERIC};
    }
    if (options.hw_prog_id != 0) {
        hook.offloaded = AttachedProgram{options.hw_prog_id, XDP_TALLY_MODE_OFFLOADED};
    }
    return hook;
}

}  // namespace tally
