// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/device/redirect_target.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>

#include <cerrno>

#include "common/base/shell_word.h"
#include "common/bpf/kernel_release.h"
#include "common/network/link_socket.h"
#include "common/network/netns.h"
#include "common/network/netns_id.h"
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

// What --netns calls the namespace of what is below a device, or is its other end; none: it is not known.
std::optional<std::string> netns_below(const NetnsContext& context, LinkSocket& links, const Link& link) {
    if (!link.below_netns) {
        return context.netns_option;
    }
    auto netns = find_netns_by_id(links, *link.below_netns);
    return netns.empty() ? std::nullopt : std::optional(std::move(netns));
}

// Of a veth whose other end is known, here or in another network namespace; none: that is not known.
Result<std::optional<bool>> other_end_has_gro(const NetnsContext& context, LinkSocket& links,
                                              const Target& target) {
    const std::string& name = target.peer->interface.name;
    if (target.peer_is_here) {
        return std::optional(gro_is_on(name));
    }
    const auto netns = netns_below(context, links, target.link);
    TALLY_ASSIGN_OR_RETURN(const auto fd, netns ? answer_of(open_netns(*netns)) : std::optional<UniqueFd>());
    return fd ? answer_of(inside_netns(*fd, *netns, [&] { return Result<bool>(gro_is_on(name)); }))
              : std::optional<bool>();
}

// Whether programs of native mode can send to it; none: not known.
Result<std::optional<bool>> takes_frames(const NetnsContext& context, LinkSocket& links,
                                         const Target& target) {
    if (const auto told = driver_has(target.link.interface.ifindex, XdpFeature::kReceivesRedirects)) {
        return told;
    }
    if (!target.peer) {
        return std::optional<bool>();
    }
    if (runs_native(*target.peer) || !gro_serves_veth()) {
        return std::optional(runs_native(*target.peer));
    }
    return other_end_has_gro(context, links, target);
}

std::string explain_refusing_target(const NetnsContext& context, LinkSocket& links, const Target& target) {
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
    const auto netns = target.peer ? netns_below(context, links, target.link) : std::nullopt;
    if (!netns) {
        return text;
    }
    const std::string& peer = target.peer->interface.name;
    if (gro_serves_veth()) {
        return text +
               fmt::format(": `{}ethtool --offload {} gro on`", netns_prefix(*netns), shell_word(peer));
    }
    return target.peer->hook.empty()
               ? text + fmt::format(": `xdp_loader {} --native-mode`", context.option_in(*netns, peer))
               : text;
}

std::string explain_down(const std::string& netns, const std::string& interface) {
    return fmt::format("'{}' is down, and what is redirected is lost: `{} link set dev {} up`", interface,
                       ip_command(netns), shell_word(interface));
}

// Why a device that is up has no carrier: what is below it, or its other end, is down.
std::string explain_no_carrier(const NetnsContext& context, LinkSocket& links, const Link& target) {
    constexpr int kMostLevels = 8;  // as many as the kernel stacks
    const std::string& name = target.interface.name;
    Link link = target;
    for (int level = 0; level < kMostLevels && link.below != 0; ++level) {
        auto below = link.below_netns ? links.find_in(*link.below_netns, link.below) : links.find(link.below);
        const auto netns = below ? netns_below(context, links, link) : std::nullopt;
        if (!netns) {
            break;
        }
        if (!below->up) {
            const bool is_other_end = level == 0 && link.kind == "veth";
            return (is_other_end ? std::string("the other end of the target ")
                                 : fmt::format("'{}' has no carrier: ", name)) +
                   explain_down(*netns, below->interface.name);
        }
        const bool is_other_end = below->below == link.interface.ifindex && !below->below_netns;
        if (link.below_netns || is_other_end) {
            break;
        }
        link = std::move(*below);
    }
    return fmt::format("'{}' has no carrier, and what is redirected is lost", name);
}

// All that is known to be in the way; empty: nothing is.
Result<std::string> explain_losses(const NetnsContext& context, LinkSocket& links, const Target& target,
                                   bool native) {
    std::string text;
    if (!target.link.up) {
        text = explain_down(context.netns_option, target.link.interface.name);
    } else if (!target.link.carrier) {
        text = explain_no_carrier(context, links, target.link);
    }
    TALLY_ASSIGN_OR_RETURN(const auto takes,
                           native ? takes_frames(context, links, target) : std::optional<bool>());
    if (takes == false) {
        text += (text.empty() ? "" : "; ") + explain_refusing_target(context, links, target);
    }
    return text;
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
    // The interface may have left the namespace of its load; the target has not.
    if (ifindex.value_or(0) != 0 && state.meta->netns_inode != context.inode) {
        return std::optional(RedirectOutcome{
            {},
            *ifindex,
            "the redirect's target is an interface of the network namespace in which this was loaded; "
            "from this one it cannot be told whether it takes frames"});
    }
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
    const auto cannot_tell = [](const Error& error) {
        return "cannot tell whether the redirect's target takes frames: " + error.message();
    };
    if (!link && is_failed_question(link.error())) {
        redirect.ifindex = ifindex;
        redirect.note = cannot_tell(link.error());
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
    const auto losses = explain_losses(context, *links, target, native);
    redirect.note = losses ? *losses : cannot_tell(losses.error());
    return redirect;
}

}  // namespace tally::loader
