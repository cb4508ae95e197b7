// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/device/redirect_target.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>

#include <cerrno>

#include "common/base/shell_word.h"
#include "common/kernel/kernel_release.h"
#include "common/kernel/link_socket.h"
#include "common/pins/bpffs.h"
#include "loader/device/driver_support.h"
#include "loader/device/hook_description.h"

namespace tally::loader {
namespace {

constexpr const char* kTargetMap = "redirect_to";  // of the built-in programs

// The kernel removes a device that is deleted, or leaves the network namespace, from every map. 0: it has.
// None: this process may not read it.
Result<std::optional<std::uint32_t>> read_target(const std::string& path) {
    const std::optional<std::uint32_t> none;
    TALLY_ASSIGN_OR_RETURN(const auto map, answer_of(open_map_pin(path, true)));
    if (!map) {
        return none;
    }
    const std::uint32_t key = 0;
    std::uint32_t ifindex = 0;
    if (bpf_map_lookup_elem(map->get(), &key, &ifindex) == 0) {
        return std::optional(ifindex);
    }
    if (errno == ENOENT) {
        return std::optional<std::uint32_t>(0);
    }
    auto error = last_error("reading {}", path);
    return is_failed_question(error) ? Result<std::optional<std::uint32_t>>(std::move(error)) : none;
}

// veth polls for frames (NAPI) without a program where GRO is on: 5.13 (drivers/net/veth.c).
bool gro_serves_veth() {
    return !kernel_is_before(5, 13);
}

bool runs_native(const Link& link) {
    return link.hook.program && link.hook.program->mode == XDP_TALLY_MODE_NATIVE;
}

// A target, and the other end where it is a veth and that can be looked at.
struct Target {
    Link link;
    std::optional<Link> peer;
    bool peer_is_here = false;  // in this network namespace
};

Target look_at_target(LinkSocket& links, Link link) {
    Target target;
    if (link.kind == "veth" && link.below != 0) {
        auto peer = link.below_netns ? links.find_in(*link.below_netns, link.below) : links.find(link.below);
        target.peer_is_here = !link.below_netns;
        target.peer = peer ? std::optional(std::move(*peer)) : std::nullopt;
    }
    target.link = std::move(link);
    return target;
}

// Whether programs of native mode can send to it; none: not known.
std::optional<bool> takes_frames(const Target& target) {
    if (const auto told = driver_has(target.link.interface.ifindex, XdpFeature::kReceivesRedirects)) {
        return told;
    }
    if (!target.peer) {
        return std::nullopt;
    }
    return runs_native(*target.peer) ||
           (target.peer_is_here && gro_serves_veth() && gro_is_on(target.peer->interface.name));
}

std::string explain_refusing_target(const NetnsContext& context, const Target& target) {
    const std::string& name = target.link.interface.name;
    if (target.link.kind != "veth") {
        return fmt::format(
            "'{}' takes no frames from programs in native mode, and all are lost ({}); from programs in "
            "generic mode (--skb-mode) it takes them",
            name, describe_driver(target.link.interface, XdpFeature::kReceivesRedirects));
    }
    const std::string where = !target.peer          ? ""
                              : target.peer_is_here ? fmt::format(" '{}'", target.peer->interface.name)
                                                    : " in another network namespace";
    std::string text = fmt::format(
        "'{}' takes no frames from programs, and all are lost, unless its other end{} runs a program in "
        "native "
        "mode",
        name, where);
    if (gro_serves_veth()) {
        text += " or has GRO on";
    }
    if (!target.peer || !target.peer_is_here) {
        return text;
    }
    const std::string& peer = target.peer->interface.name;
    if (gro_serves_veth()) {
        return text + fmt::format(": `{}ethtool --offload {} gro on`", from_inside(context.netns_option),
                                  shell_word(peer));
    }
    return target.peer->hook.empty()
               ? text + fmt::format(": `xdp_loader {} --native-mode`", context.option(peer))
               : text;
}

std::string explain_down(const NetnsContext& context, const std::string& interface) {
    return fmt::format("'{}' is down, and what is redirected is lost: `{} link set dev {} up`", interface,
                       ip_command(context.netns_option), shell_word(interface));
}

// Empty: nothing is known to be in the way.
std::string explain_losses(const NetnsContext& context, const Target& target, bool native) {
    if (!target.link.up) {
        return explain_down(context, target.link.interface.name);
    }
    if (!target.link.carrier) {
        const bool peer_is_down = target.peer && target.peer_is_here && !target.peer->up;
        return peer_is_down
                   ? "the other end of the target " + explain_down(context, target.peer->interface.name)
                   : fmt::format("'{}' has no carrier, and what is redirected is lost",
                                 target.link.interface.name);
    }
    return native && takes_frames(target) == false ? explain_refusing_target(context, target) : std::string();
}

}  // namespace

Result<std::optional<RedirectOutcome>> find_redirect(const NetnsContext& context,
                                                     const std::string& directory, const DeviceState& state) {
    const std::optional<RedirectOutcome> none;
    const MapPin* const map = state.find_map(kTargetMap);
    if (map == nullptr || !state.owns(*map) || !state.our_program || map->info.type != BPF_MAP_TYPE_DEVMAP ||
        map->info.max_entries != 1 || map->info.value_size != sizeof(std::uint32_t)) {
        return none;
    }
    TALLY_ASSIGN_OR_RETURN(const auto ifindex, read_target(directory + '/' + kTargetMap));
    return ifindex ? std::optional(describe_redirect_target(context, *ifindex,
                                                            state.our_program->mode == XDP_TALLY_MODE_NATIVE))
                   : none;
}

RedirectOutcome describe_redirect_target(const NetnsContext& context, std::uint32_t ifindex, bool native) {
    RedirectOutcome redirect;
    auto links = LinkSocket::open();
    auto link = ifindex != 0 && links
                    ? links->find(ifindex)
                    : Result<Link>(links ? make_error(ErrorKind::kNotFound, {}) : links.error());
    if (!link && is_failed_question(link.error())) {
        redirect.ifindex = ifindex;
        redirect.note = "cannot tell whether the redirect's target takes frames: " + link.error().message();
        return redirect;
    }
    if (!link) {
        redirect.note =
            "the redirect's target is gone, deleted or in another network namespace, and every packet is "
            "XDP_ABORTED: load again with a --redirect-to that is there";
        return redirect;
    }
    const Target target = look_at_target(*links, std::move(*link));
    redirect.dev = target.link.interface.name;
    redirect.ifindex = ifindex;
    redirect.note = explain_losses(context, target, native);
    return redirect;
}

}  // namespace tally::loader
