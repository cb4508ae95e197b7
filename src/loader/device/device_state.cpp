// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/device/device_state.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/directory.h"
#include "common/kernel/dispatcher.h"
#include "common/kernel/link_socket.h"
#include "common/kernel/netns.h"
#include "common/pins/bpffs.h"
#include "common/pins/pin_names.h"
#include "common/pins/process_lock.h"

namespace tally::loader {
namespace {

void note_trouble(DeviceState& state, const Error& error) {
    if (!state.trouble) {
        state.trouble = error;
    }
}

void inspect_dispatcher(DeviceState& state) {
    if (auto looked = look_into_dispatcher(state.hook, state.interface->ifindex); !looked) {
        state.dispatcher_trouble = std::move(looked).error();
    }
}

void inspect_map(DeviceState& state, const UniqueFd& fd, const std::string& pin) {
    if (pin == XDP_TALLY_META_NAME) {
        const auto meta = read_meta(fd.get());
        if (meta) {
            state.meta = *meta;
            return;
        }
        if (meta.error().kind != ErrorKind::kConflict) {
            note_trouble(state, meta.error());
            return;
        }
    }
    const auto info = map_info(fd.get());
    if (info) {
        state.maps.push_back(MapPin{pin, *info});
    } else {
        note_trouble(state, info.error());
    }
}

void inspect_pin(DeviceState& state, const std::string& directory, const std::string& pin) {
    const std::string path = directory + '/' + pin;
    struct stat status = {};
    if (::lstat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
        state.other_pins.push_back(pin);  // a directory or a symbolic link: nothing of ours
        return;
    }
    // Links refuse to be opened read-only; whoever may not write may still look at maps.
    auto fd = open_pin(path, true);
    if (!fd && fd.error().code == EINVAL) {
        fd = open_pin(path, false);
    }
    if (!fd) {
        if (fd.error().code != ENOENT) {
            state.link_hidden =
                state.link_hidden || (pin == XDP_TALLY_LINK_NAME && fd.error().code == EACCES);
            note_trouble(state, fd.error());
        }
        return;
    }
    const auto type = object_type(fd->get());
    if (type == ObjectType::kMap) {
        inspect_map(state, *fd, pin);
        return;
    }
    if (type == ObjectType::kLink && pin == XDP_TALLY_LINK_NAME) {
        const auto info = link_info(fd->get());
        if (!info) {
            note_trouble(state, info.error());
            return;
        }
        if (info->type == BPF_LINK_TYPE_XDP || info->type == BPF_LINK_TYPE_TRACING) {
            state.link = std::move(*fd);
            state.link_info = *info;
            return;
        }
    }
    if (type == ObjectType::kLink && parse_component_link_pin(pin)) {
        state.component_links.push_back(pin);
        return;
    }
    state.other_pins.push_back(pin);
}

// Cut off, and not merely under way: nobody holds the lock any more, and something is left.
void inspect_staging(DeviceState& state, const std::string& directory) {
    const std::string staging = directory + '/' + kStagingName;
    const UniqueFd fd(::open(staging.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd || ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0) {
        return;
    }
    const auto names = list_directory(staging);
    if (!names) {
        return;
    }
    state.interrupted = !names->empty();
    for (const auto& name : *names) {
        struct stat status = {};
        if (::fstatat(fd.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode)) {
            note_trouble(state, system_error(EISDIR, fmt::format("removing {}/{}", staging, name)));
        }
    }
}

// What has no link to tell where it runs is found by the record, as long as the device is in this namespace.
void find_renamed(DeviceState& state) {
    const bool without_link = state.meta && (state.meta->attach_kind == XDP_TALLY_ATTACH_NETLINK ||
                                             state.meta->attach_kind == XDP_TALLY_ATTACH_DISPATCHER);
    if (state.interface || !without_link) {
        return;
    }
    const auto netns = current_netns_inode();
    if (!netns || *netns != state.meta->netns_inode) {
        return;
    }
    auto socket = LinkSocket::open();
    const auto link = socket ? socket->find(state.meta->ifindex) : socket.error();
    if (!link) {
        return;
    }
    DeviceState there;
    there.interface = link->interface;
    there.hook = link->hook;
    there.meta = state.meta;
    inspect_dispatcher(there);
    if (there.hook.find(there.meta->program_id) || there.component_is_hidden()) {
        state.renamed = there.interface;
    }
}

// A link without a record beside it is not ours: an unload takes the record away last, and what a load that
// was cut off has left shows in the staging area.
void disown_stray_link(DeviceState& state) {
    if (state.link && !state.meta && !state.interrupted) {
        state.link.reset();
        state.link_info.reset();
        state.other_pins.emplace_back(XDP_TALLY_LINK_NAME);
    }
}

}  // namespace

std::string_view state_name(AttachState attach_state) {
    switch (attach_state) {
        case AttachState::kNone:
            return "none";
        case AttachState::kForeign:
            return "foreign";
        case AttachState::kAttached:
            return "attached";
        case AttachState::kDetached:
            return "detached";
        case AttachState::kStale:
            return "stale";
        case AttachState::kOrphaned:
            return "orphaned";
        case AttachState::kUnknown:
            return "unknown";
    }
    return "none";
}

std::optional<HookProgram> DeviceState::our_program() const {
    if (link_alive()) {
        return hook.find(link_info->program_id);
    }
    const bool without_link = meta && (meta->attach_kind == XDP_TALLY_ATTACH_NETLINK ||
                                       meta->attach_kind == XDP_TALLY_ATTACH_DISPATCHER);
    if ((without_link && !link_info) || (meta && link_hidden && !observes())) {
        return hook.find(meta->program_id);
    }
    return std::nullopt;
}

const Component* DeviceState::our_component() const {
    const bool may_be = meta && meta->attach_kind == XDP_TALLY_ATTACH_DISPATCHER && hook.dispatcher;
    return may_be ? hook.dispatcher->find(meta->program_id) : nullptr;
}

const Component* DeviceState::left_by_killed_run() const {
    return run_has_ended ? our_component() : nullptr;
}

bool DeviceState::component_is_hidden() const {
    return meta && meta->attach_kind == XDP_TALLY_ATTACH_DISPATCHER && dispatcher_trouble &&
           !hook.find(meta->program_id);
}

bool DeviceState::link_is_unpinned() const {
    return meta && meta->attach_kind == XDP_TALLY_ATTACH_LINK && !link && !link_hidden &&
           hook.find(meta->program_id);
}

const MapPin* DeviceState::find_map(const std::string& pin_name) const {
    const auto found =
        std::find_if(maps.begin(), maps.end(), [&](const MapPin& map) { return map.pin_name == pin_name; });
    return found == maps.end() ? nullptr : &*found;
}

// The record names what was observed on the hook; the link's descriptor is the kernel's word that it still
// is.
AttachState DeviceState::observed_state() const {
    if (!interface || meta->ifindex != interface->ifindex) {
        return hook.empty() ? AttachState::kOrphaned : AttachState::kStale;
    }
    if (hook.empty() || (!link && !link_hidden)) {
        return AttachState::kDetached;
    }
    const MapPin* const counters = find_map(XDP_TALLY_MAP_NAME);
    const bool fed = counters != nullptr && counters->info.id == meta->counter_map_id;
    return fed && hook.find(meta->program_id) ? AttachState::kAttached : AttachState::kStale;
}

AttachState DeviceState::attach_state() const {
    if (!has_pins()) {
        return hook.empty() ? AttachState::kNone : AttachState::kForeign;
    }
    if (observes()) {
        return observed_state();
    }
    if (!interface && (link_alive() || link_hidden || renamed)) {
        return AttachState::kUnknown;
    }
    // A link whose device is still there was detached by somebody; else the device has been made anew.
    const bool same_device = interface && meta && meta->ifindex == interface->ifindex;
    if (same_device && link_info && !link_alive() && hook.empty()) {
        return AttachState::kDetached;
    }
    if (!interface || (link_info && !link_alive())) {
        return hook.empty() ? AttachState::kOrphaned : AttachState::kStale;
    }
    if (component_is_hidden()) {
        return AttachState::kUnknown;
    }
    if (reserved() && hook.find(meta->program_id)) {
        return AttachState::kAttached;
    }
    if (const auto ours = our_program()) {
        const MapPin* counters = find_map(XDP_TALLY_MAP_NAME);
        const std::uint32_t pinned = counters != nullptr ? counters->info.id : 0;
        const bool fed = meta && meta->program_id == ours->id && meta->counter_map_id == pinned;
        return fed ? AttachState::kAttached : AttachState::kStale;
    }
    return hook.empty() && !link_alive() ? AttachState::kDetached : AttachState::kStale;
}

DeviceState inspect_device(const std::string& directory, const std::optional<Interface>& interface) {
    DeviceState state;
    state.interface = interface;
    if (interface) {
        if (const auto hook = query_xdp_hook(interface->ifindex)) {
            state.hook = *hook;
            inspect_dispatcher(state);
        } else {
            note_trouble(state, hook.error());
        }
    }
    struct stat status = {};
    state.has_directory = ::lstat(directory.c_str(), &status) == 0 || errno != ENOENT;
    if (!state.has_directory) {
        return state;
    }
    if (const auto checked = PinDirectory::check(directory); !checked) {
        note_trouble(state, checked.error());
    }
    if (S_ISLNK(status.st_mode)) {
        return state;  // whatever it leads to is somebody else's
    }
    const auto names = list_directory(directory);
    if (!names) {
        if (names.error().code != ENOENT) {  // it was removed while we looked
            note_trouble(state, names.error());
        }
        return state;
    }
    for (const auto& name : *names) {
        if (name != kStagingName && name != kFollowerName && name != kRunName) {
            inspect_pin(state, directory, name);
        }
    }
    state.reserved_by_run = process_lock_is_held(directory + '/' + kRunName).value_or(true);
    state.run_has_ended = state.meta && is_of_ended_run(*state.meta, directory);
    inspect_staging(state, directory);
    disown_stray_link(state);
    find_renamed(state);
    return state;
}

}  // namespace tally::loader
