#include "common/place.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "common/dispatcher.h"
#include "common/link_socket.h"
#include "common/meta.h"
#include "common/names.h"
#include "common/netns.h"

namespace tally {
namespace {

constexpr std::string_view kPrefix = "netns:";

}  // namespace

std::string netns_directory_name(const std::string& netns) {
    return std::string(kPrefix) + encode_pin_name(netns);
}

std::optional<std::string> netns_of_directory_name(const std::string& component) {
    if (!component.starts_with(kPrefix)) {
        return std::nullopt;
    }
    std::string name = decode_pin_name(std::string_view(component).substr(kPrefix.size()));
    return check_netns_name(name) ? std::optional(std::move(name)) : std::nullopt;
}

std::string Place::directory(const std::string& interface) const {
    return directory() + '/' + encode_pin_name(interface);
}

std::string Place::directory() const {
    return netns.empty() ? bpffs.path : bpffs.path + '/' + netns_directory_name(netns);
}

std::string Place::pins_of(const Interface& interface) const {
    std::string own = directory(interface.name);
    if (sight != Sight::kHere || ::access(own.c_str(), F_OK) == 0) {
        return own;
    }
    const auto netns_inode = current_netns_inode();
    auto hook = query_xdp_hook(interface.ifindex);
    if (!netns_inode || !hook || hook->empty()) {
        return own;
    }
    // One that cannot be read leaves the hook's own program to go by.
    (void)look_into_dispatcher(*hook, interface.ifindex);
    const auto names = list_directory(directory());
    for (const auto& name : names ? *names : std::vector<std::string>()) {
        std::string other = directory() + '/' + name;
        const auto meta = read_meta(other + '/' + XDP_TALLY_META_NAME);
        // Where a load was cut off, the hook runs a program that no published record names yet.
        const bool interrupted = ::access((other + '/' + kStagingName).c_str(), F_OK) == 0;
        if (meta && meta->ifindex == interface.ifindex && meta->netns_inode == *netns_inode &&
            (hook->find(meta->program_id) || interrupted)) {
            return other;
        }
    }
    return own;
}

std::string Place::option(const std::string& interface) const {
    std::string words;
    if (!bpffs_option.empty()) {
        words += "--bpffs " + bpffs_option + ' ';
    }
    if (!netns_option.empty()) {
        words += "--netns " + netns_option + ' ';
    }
    return words + "--dev " + interface;
}

Result<std::optional<Interface>> Place::find(const std::string& interface) const {
    if (sight == Sight::kHere) {
        return find_interface(interface);
    }
    TALLY_TRY(check_interface_name(interface));
    return std::optional<Interface>();
}

Result<Place::Located> Place::locate(const std::string& interface) const {
    TALLY_TRY_ASSIGN(found, find(interface));
    if (!found) {
        return Located{std::nullopt, interface, directory(interface)};
    }
    return Located{found, found->name, pins_of(*found)};
}

Error Place::explain_missing(const std::string& interface) const {
    if (obstacle) {
        return *obstacle;
    }
    auto now = resolve_interface(interface);
    return now ? make_error(ErrorKind::kNotFound, fmt::format("looking for interface '{}'", interface),
                            "it has appeared just now")
                     .with_hint("try again")
               : std::move(now).error();
}

Result<Place> go_to_place(const std::optional<std::string>& netns, const std::string& bpffs) {
    Place place;
    place.bpffs = locate_bpffs(bpffs);
    place.bpffs_option = bpffs == kDefaultBpffs ? "" : bpffs;
    place.netns_option = netns.value_or("");
    use_bpffs_for_dispatchers(bpffs == kDefaultBpffs ? place.bpffs.path : locate_bpffs(kDefaultBpffs).path);
    if (!netns) {
        TALLY_TRY_ASSIGN(inode, current_netns_inode());
        place.netns = netns_pin_name(inode, place.bpffs.path);
        return place;
    }
    const auto fd = open_netns(*netns);
    if (!fd) {
        // What has a name in bpffs may still have pins there; a path leads nowhere any more.
        if (fd.error().kind != ErrorKind::kNotFound || !check_netns_name(*netns)) {
            return fd.error();
        }
        place.netns = *netns;
        // An inode stands for a namespace without a name, which may well be there.
        const bool is_inode = netns->find_first_not_of("0123456789") == std::string::npos;
        const bool has_pins = ::access(place.directory().c_str(), F_OK) == 0;
        place.sight = is_inode && has_pins ? Place::Sight::kHidden : Place::Sight::kGone;
        place.obstacle = fd.error();
        return place;
    }
    TALLY_TRY_ASSIGN(inode, netns_inode(*fd));
    place.netns = netns_pin_name(inode, place.bpffs.path);
    if (auto entered = enter_netns(*fd, *netns); !entered) {
        place.sight = Place::Sight::kHidden;
        place.obstacle = entered.error();
    }
    return place;
}

}  // namespace tally
