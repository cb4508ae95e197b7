// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/netns_context.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>
#include <vector>

#include "common/base/directory.h"
#include "common/base/edit_distance.h"
#include "common/base/shell_word.h"
#include "common/base/unique_fd.h"
#include "common/bpf/dispatcher.h"
#include "common/bpf/dispatcher_directory.h"
#include "common/network/link_socket.h"
#include "common/network/netns.h"
#include "common/network/netns_list.h"
#include "common/pins/meta.h"
#include "common/pins/netns_pin_name.h"
#include "common/pins/pin_names.h"
#include "common/pins/program_search.h"

namespace tally {
namespace {

// What bpffs and messages call a namespace without a name: its inode. Found among those of processes.
Result<UniqueFd> open_unnamed_netns(const std::string& inode) {
    for (const auto& known : list_namespaces().list) {
        if (std::to_string(known.inode) != inode) {
            continue;
        }
        auto netns = open_netns(known.name);
        const auto found = netns ? netns_inode(*netns) : netns.error();
        if (found && *found == known.inode) {
            return netns;
        }
    }
    return make_error(ErrorKind::kNotFound, inode);
}

bool is_inode(const std::string& netns) {
    return !netns.empty() && netns.find_first_not_of("0123456789") == std::string::npos;
}

Result<UniqueFd> open_by_name_or_inode(const std::string& netns) {
    auto named = open_netns(netns);
    if (named || named.error().kind != ErrorKind::kNotFound || !is_inode(netns)) {
        return named;
    }
    auto unnamed = open_unnamed_netns(netns);
    return unnamed ? std::move(unnamed) : std::move(named);
}

Result<UniqueFd> open_by_pin_name(const std::string& netns) {
    return open_by_name_or_inode(netns_path(netns));
}

// Whether the pins are of what runs on this interface, whose hook was looked into. Anyone can lay a copied
// meta out.
Result<bool> belongs_to(const std::string& directory, const Link& link, const NetnsContext& context) {
    TALLY_ASSIGN_OR_RETURN(const auto meta, find_trusted_meta(directory, context.bpffs.path));
    if (!meta) {
        return false;
    }
    const bool same_device = meta->ifindex == link.interface.ifindex && meta->netns_inode == context.inode;
    const bool runs = link.hook.find(meta->program_id).has_value();
    if (same_device) {
        // Where a load was cut off, the hook runs a program that no published meta names yet.
        return runs ? Result<bool>(true) : path_exists(directory + '/' + kStagingName);
    }
    if (!runs || meta->attach_kind == XDP_TALLY_ATTACH_OBSERVE) {
        return false;
    }
    // The same program may be attached to several interfaces: ours is one of them.
    TALLY_ASSIGN_OR_RETURN(const auto pinned, pinned_link_info(directory));
    TALLY_ASSIGN_OR_RETURN(const auto found, find_program(*meta, pinned, context));
    return found.place && found.place->netns_inode == context.inode &&
           found.place->link.interface.ifindex == link.interface.ifindex;
}

// Where the pins of this interface are, if not in `own`, the directory of its name.
Result<std::string> find_pins_of(const NetnsContext& context, Link& link, std::string own) {
    if (link.hook.empty()) {
        return own;
    }
    TALLY_ASSIGN_OR_RETURN(const auto meta, find_meta(own));
    if (meta && link.hook.find(meta->program_id)) {
        return own;
    }
    // One that nobody here can read leaves the hook's own program to go by.
    if (const auto looked = look_into_dispatcher(link, *context.links);
        !looked && is_failed_question(looked.error())) {
        return looked.error();
    }
    TALLY_ASSIGN_OR_RETURN(const auto others, pin_directories(context.bpffs.path));
    for (const auto& other : others) {
        TALLY_ASSIGN_OR_RETURN(const bool found, belongs_to(other, link, context));
        if (found) {
            return other;
        }
    }
    return own;
}

// None where there is no such interface, or no socket to look with.
Result<std::optional<Link>> find_link(const NetnsContext& context, const std::string& interface) {
    if (!context.links) {
        TALLY_TRY(check_interface_name(interface));
        return std::optional<Link>();
    }
    auto link = resolve_link(*context.links, interface);
    if (!link && link.error().kind != ErrorKind::kNotFound) {
        return link.error();
    }
    return link ? std::optional(std::move(*link)) : std::nullopt;
}

// The letters without the number behind them: that would be another interface, and no mistake.
std::pair<std::string, std::string> letters_and_number(std::string_view name) {
    const auto end = name.find_last_not_of("0123456789") + 1;
    std::string letters(name.substr(0, end));
    std::transform(letters.begin(), letters.end(), letters.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    return {std::move(letters), std::string(name.substr(end))};
}

// The one that was probably meant; empty: none, or several.
std::string nearest_interface(const NetnsContext& context, const std::string& name) {
    constexpr std::size_t kMostMistakes = 2;
    const auto list = context.links ? context.links->list() : Result<std::vector<Link>>(std::vector<Link>());
    const auto [letters, number] = letters_and_number(name);
    std::size_t least = std::min(kMostMistakes, letters.size() / 2) + 1;
    std::string nearest;
    for (const auto& link : list ? *list : std::vector<Link>()) {
        const auto other = letters_and_number(link.interface.name);
        const std::size_t distance = edit_distance(letters, other.first);
        if (other.second == number && distance <= least) {
            nearest = distance < least ? link.interface.name : std::string();
            least = distance;
        }
    }
    return nearest;
}

}  // namespace

Result<void> NetnsContext::open_links() {
    TALLY_ASSIGN_OR_RETURN(auto socket, LinkSocket::open());
    links = std::make_shared<LinkSocket>(std::move(socket));
    return {};
}

std::string NetnsContext::directory(const std::string& interface) const {
    return directory() + '/' + encode_pin_name(interface);
}

std::string NetnsContext::directory() const {
    return netns.empty() ? bpffs.path : bpffs.path + '/' + netns_directory_name(netns);
}

bool NetnsContext::has_directory(const std::string& path) const {
    return directory_of(path) == directory();
}

Result<std::string> NetnsContext::pins_of(const Interface& interface) const {
    std::string pins = directory(interface.name);
    if (!links) {
        return pins;
    }
    TALLY_ASSIGN_OR_RETURN(auto link, answer_of(links->find(interface.ifindex)));
    return link ? find_pins_of(*this, *link, std::move(pins)) : Result<std::string>(std::move(pins));
}

std::string NetnsContext::option(const std::string& interface) const {
    return option_in(netns_option, interface);
}

std::string NetnsContext::option_in(const std::string& other_netns, const std::string& interface) const {
    std::string words = root_option();
    if (!other_netns.empty()) {
        words += shell_option("--netns", other_netns) + ' ';
    }
    return words + shell_option("--dev", interface);
}

std::string NetnsContext::root_option() const {
    return tally::root_option(bpffs_option);
}

Result<std::optional<Interface>> NetnsContext::find(const std::string& interface) const {
    TALLY_ASSIGN_OR_RETURN(auto link, find_link(*this, interface));
    return link ? std::optional(std::move(link->interface)) : std::nullopt;
}

Result<NetnsContext::Located> NetnsContext::locate(const std::string& interface) const {
    TALLY_ASSIGN_OR_RETURN(auto link, find_link(*this, interface));
    if (!link) {
        return Located{std::nullopt, interface, directory(interface)};
    }
    TALLY_ASSIGN_OR_RETURN(auto pins, find_pins_of(*this, *link, directory(link->interface.name)));
    return Located{link->interface, link->interface.name, std::move(pins)};
}

Result<Interface> NetnsContext::resolve(const std::string& interface, std::string_view usual) const {
    TALLY_ASSIGN_OR_RETURN(auto found, find(interface));
    if (found) {
        return std::move(*found);
    }
    const std::string where = visibility == Visibility::kHere
                                  ? "this network namespace"
                                  : fmt::format("network namespace '{}'", netns_option);
    std::string hint = explain_name(interface);
    if (hint.empty()) {
        hint = netns_option.empty()
                   ? std::string(usual)
                   : fmt::format("`{}ip -brief link` lists the interfaces there", netns_prefix(netns_option));
    }
    return make_error(ErrorKind::kNotFound, fmt::format("looking for interface '{}'", interface),
                      fmt::format("no interface in {} has that name", where))
        .with_hint(std::move(hint));
}

Result<bool> NetnsContext::has_pins() const {
    TALLY_ASSIGN_OR_RETURN(const auto there, answer_of(path_exists(directory())));
    return there.value_or(false);
}

Error NetnsContext::explain_missing(const std::string& interface, std::string_view usual) const {
    if (obstacle) {
        return *obstacle;
    }
    auto now = resolve(interface, usual);
    if (now) {
        return make_error(ErrorKind::kNotFound, fmt::format("looking for interface '{}'", interface),
                          "it appeared just now")
            .with_hint("try again");
    }
    if (const auto nearest = nearest_interface(*this, interface); !nearest.empty()) {
        now.error().hint = fmt::format("did you mean {}?", nearest) + '\n' + now.error().hint;
    }
    return std::move(now).error();
}

Result<NetnsContext> enter_netns_context(const std::optional<std::string>& netns, const std::string& bpffs) {
    NetnsContext context;
    TALLY_ASSIGN_OR_RETURN(context.bpffs, locate_bpffs(bpffs));
    context.bpffs_option = bpffs == kDefaultBpffs ? "" : bpffs;
    context.netns_option = netns.value_or("");
    auto usual = bpffs == kDefaultBpffs ? Result<BpffsRoot>(context.bpffs) : locate_bpffs(kDefaultBpffs);
    TALLY_TRY(usual);
    use_bpffs_for_dispatchers(usual->path);
    TALLY_ASSIGN_OR_RETURN(context.home_inode, current_netns_inode());
    if (!netns) {
        context.inode = context.home_inode;
        TALLY_TRY(context.open_links());
        TALLY_ASSIGN_OR_RETURN(context.netns, netns_pin_name(context.inode, context.bpffs.path));
        return context;
    }
    const auto fd = open_by_name_or_inode(*netns);
    if (!fd) {
        // What has a name in bpffs may still have pins there; a path leads nowhere any more.
        if (fd.error().kind != ErrorKind::kNotFound || !check_netns_name(*netns)) {
            return fd.error();
        }
        context.netns = *netns;
        // An inode stands for a namespace without a name, which may well be there.
        TALLY_ASSIGN_OR_RETURN(const bool has_pins, context.has_pins());
        context.visibility = is_inode(*netns) && has_pins ? NetnsContext::Visibility::kHidden
                                                          : NetnsContext::Visibility::kGone;
        context.obstacle = fd.error();
        return context;
    }
    TALLY_ASSIGN_OR_RETURN(context.inode, netns_inode(*fd));
    TALLY_ASSIGN_OR_RETURN(context.netns, netns_pin_name(context.inode, context.bpffs.path));
    if (auto entered = enter_netns(*fd, *netns); !entered) {
        if (is_failed_question(entered.error())) {
            return std::move(entered).error();
        }
        context.visibility = NetnsContext::Visibility::kHidden;
        context.obstacle = entered.error();
        return context;
    }
    TALLY_TRY(context.open_links());
    return context;
}

Result<NetnsContext> visit_netns_context(const std::string& netns, const std::string& bpffs) {
    TALLY_ASSIGN_OR_RETURN(const auto here, open_netns(kOwnNetns));
    auto context = enter_netns_context(netns, bpffs);
    TALLY_TRY(enter_netns(here, kOwnNetns));
    if (context && context->visibility == NetnsContext::Visibility::kHere) {
        context->visibility = NetnsContext::Visibility::kRemote;
    }
    return context;
}

Result<NetnsContext> view_netns_context(const std::string& netns, const NetnsContext& own) {
    NetnsContext context;
    context.bpffs = own.bpffs;
    context.bpffs_option = own.bpffs_option;
    context.netns = netns;
    context.netns_option = netns;
    context.visibility = NetnsContext::Visibility::kHidden;
    context.home_inode = own.home_inode;
    const auto there = open_by_pin_name(netns);
    if (!there) {
        return context;
    }
    TALLY_ASSIGN_OR_RETURN(context.inode, netns_inode(*there));
    TALLY_ASSIGN_OR_RETURN(const std::uint64_t here, current_netns_inode());
    const auto looked = inside_netns(*there, netns, [&] { return context.open_links(); });
    if (looked) {
        context.visibility = NetnsContext::Visibility::kRemote;
    } else if (const auto now = current_netns_inode(); !now || *now != here) {
        return looked.error();
    }
    return context;
}

void name_alike(std::vector<NamedDevice>& devices) {
    std::map<std::uint64_t, std::optional<std::string>> names;
    if (const auto here = current_netns_inode()) {
        names.emplace(*here, std::nullopt);  // which takes no privilege
    }
    for (auto& device : devices) {
        const auto fd = open_by_name_or_inode(device.netns.value_or(kOwnNetns));
        if (const auto inode = fd ? netns_inode(*fd) : fd.error()) {
            device.netns = names.emplace(*inode, device.netns).first->second;
        }
    }
}

Result<std::uint64_t> inode_of_netns(const std::string& netns) {
    const auto fd = open_by_pin_name(netns);
    if (!fd && fd.error().kind == ErrorKind::kNotFound) {
        return 0;
    }
    return fd ? netns_inode(*fd) : fd.error();
}

}  // namespace tally
