// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/device/device_inspection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "common/base/directory.h"
#include "common/bpf/dispatcher.h"
#include "common/network/link_socket.h"
#include "common/pins/bpffs.h"
#include "common/pins/pin_names.h"
#include "common/pins/process_lock.h"

namespace tally::loader {
namespace {

void note_trouble(DeviceState& state, const Error& error) {
    if (!state.trouble || state.only_link_hidden) {
        state.trouble = error;
        state.only_link_hidden = false;
    }
}

void inspect_hook(DeviceState& state) {
    auto socket = LinkSocket::open();
    auto link = socket ? socket->find(state.interface->ifindex) : socket.error();
    if (!link) {
        note_trouble(state, link.error());
        return;
    }
    if (auto looked = look_into_dispatcher(*link, *socket); !looked) {
        if (is_failed_question(looked.error())) {
            note_trouble(state, looked.error());
        }
        state.dispatcher_trouble = std::move(looked).error();
    }
    state.hook = std::move(link->hook);
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
    const auto status = status_of(path, AT_SYMLINK_NOFOLLOW);
    if (!status) {
        if (status.error().code != ENOENT) {
            note_trouble(state, status.error());
        }
        return;
    }
    if (!S_ISREG(status->st_mode)) {
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
            const bool is_first = !state.trouble;
            note_trouble(state, fd.error());
            if (pin == XDP_TALLY_LINK_NAME && fd.error().code == EACCES) {
                state.link_hidden = true;
                state.only_link_hidden = is_first;
            }
        }
        return;
    }
    const auto type = object_type(fd->get());
    if (!type) {
        note_trouble(state, type.error());
        return;
    }
    if (*type == ObjectType::kMap) {
        inspect_map(state, *fd, pin);
        return;
    }
    if (*type == ObjectType::kLink && pin == XDP_TALLY_LINK_NAME) {
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
    if (*type == ObjectType::kLink && parse_component_link_pin(pin)) {
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
        // There is none, a loader is at work, or it is somebody else's (PinDirectory::check).
        const auto error = last_error("looking into {}", staging);
        state.changing = error.code == EWOULDBLOCK || error.code == EACCES;
        if (error.code != EWOULDBLOCK && is_failed_question(error)) {
            note_trouble(state, error);
        }
        return;
    }
    const auto names = list_directory(staging);
    if (!names) {
        if (is_failed_question(names.error())) {
            note_trouble(state, names.error());
        }
        return;
    }
    state.interrupted = !names->empty();
    if (!state.meta) {
        if (const auto staged = find_meta(staging)) {
            state.staged_meta = *staged;
        } else {
            note_trouble(state, staged.error());
        }
    }
    for (const auto& name : *names) {
        struct stat status = {};
        if (::fstatat(fd.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno != ENOENT) {
                note_trouble(state, last_error("looking at {}/{}", staging, name));
            }
        } else if (S_ISDIR(status.st_mode)) {
            note_trouble(state, make_error(ErrorKind::kSystem, fmt::format("removing {}/{}", staging, name),
                                           describe_errno(EISDIR)));
        }
    }
}

// Counters that xdp_loader has made are frozen, and adopted ones never; of other maps nothing tells which
// they are, so they count as adopted.
Result<void> list_maps(Meta& meta, const DeviceState& state, const std::string& directory) {
    TALLY_ASSIGN_OR_RETURN(const auto counters, open_map_pin(directory + '/' + XDP_TALLY_MAP_NAME, true));
    TALLY_ASSIGN_OR_RETURN(const auto used, maps_of_program(meta.program_id));
    TALLY_ASSIGN_OR_RETURN(const bool is_ours, map_is_frozen(counters.get()));
    meta.counter_map_id = state.find_map(XDP_TALLY_MAP_NAME)->info.id;
    std::uint32_t* next = meta.map_ids;
    if (is_ours) {
        *next++ = meta.counter_map_id;
        meta.map_count = 1;
    }
    for (const auto& map : state.maps) {
        const bool is_used = std::find(used.begin(), used.end(), map.info.id) != used.end();
        if (is_used && std::find(meta.map_ids, next, map.info.id) == next && next != std::end(meta.map_ids)) {
            *next++ = map.info.id;
        }
    }
    return {};
}

// A link that runs a program on this device which counts into the map beside it is ours, also where the meta
// was removed. Puts what there is to know into its place.
Result<void> recognise_our_link(DeviceState& state, const NetnsContext& context,
                                const std::string& directory) {
    const bool is_gone = !state.meta && state.find_map(XDP_TALLY_META_NAME) == nullptr &&
                         std::find(state.other_pins.begin(), state.other_pins.end(), XDP_TALLY_META_NAME) ==
                             state.other_pins.end();
    if (!is_gone || state.trouble || state.interrupted || !state.interface || !state.link_info ||
        state.link_info->type != BPF_LINK_TYPE_XDP || state.link_info->ifindex != state.interface->ifindex) {
        return {};
    }
    const auto program = state.hook.find(state.link_info->program_id);
    const MapPin* const counters = state.find_map(XDP_TALLY_MAP_NAME);
    if (!program || counters == nullptr) {
        return {};
    }
    TALLY_ASSIGN_OR_RETURN(const bool counts, program_uses_map(program->id, counters->info.id));
    if (!counts) {
        return {};
    }
    TALLY_ASSIGN_OR_RETURN(const auto fd, open_program_by_id(program->id));
    TALLY_ASSIGN_OR_RETURN(const auto info, program_info(fd.get()));
    Meta meta = {};
    meta.magic = XDP_TALLY_MAGIC;
    meta.abi_version = XDP_TALLY_ABI_VERSION;
    meta.netns_inode = context.inode;
    meta.ifindex = state.interface->ifindex;
    state.interface->name.copy(meta.interface, sizeof(meta.interface) - 1);
    meta.program_id = program->id;
    info.name.copy(meta.program, sizeof(meta.program) - 1);
    meta.attach_mode = program->mode;
    meta.attach_kind = XDP_TALLY_ATTACH_LINK;
    TALLY_TRY(list_maps(meta, state, directory));
    state.meta = meta;
    state.meta_is_missing = true;
    return {};
}

// Any other link without a meta beside it is not ours: an unload removes the meta last, and what an
// interrupted load left is in the staging area.
void disown_stray_link(DeviceState& state) {
    if (state.link && !state.meta && !state.interrupted) {
        state.link.reset();
        state.link_info.reset();
        state.other_pins.emplace_back(XDP_TALLY_LINK_NAME);
    }
}

void search_program(DeviceState& state, const NetnsContext& context) {
    if (!state.meta || state.observes() || state.runs_here()) {
        return;
    }
    const bool is_severed = state.link_info && !state.link_is_alive();
    if (is_severed) {
        return;
    }
    auto search = find_program(*state.meta, state.link_info, context);
    if (!search) {
        note_trouble(state, search.error());
        return;
    }
    state.life = search->life;
    state.searched_everywhere = !search->place && search->complete;
    const bool is_here = search->place && state.interface && search->place->netns_inode == context.inode &&
                         search->place->link.interface.ifindex == state.interface->ifindex;
    if (!is_here) {
        state.place = std::move(search->place);
    }
}

void inspect_run(DeviceState& state, const std::string& directory) {
    const auto held = process_lock_is_held(directory + '/' + kRunName);
    state.reserved_by_run = !held || *held;  // also where this process may not look
    const auto ended = state.meta ? is_of_ended_run(*state.meta, directory) : Result<bool>(false);
    state.run_has_ended = ended && *ended;
    if (!held && is_failed_question(held.error())) {
        note_trouble(state, held.error());
    }
    if (!ended) {
        note_trouble(state, ended.error());
    }
}

// Everything that inspect_device reads itself.
DeviceState look_at_device(const NetnsContext& context, const std::string& directory,
                           const std::optional<Interface>& interface) {
    DeviceState state;
    state.interface = interface;
    if (interface) {
        inspect_hook(state);
    }
    const auto status = status_of(directory, AT_SYMLINK_NOFOLLOW);
    state.has_directory = status || status.error().code != ENOENT;
    if (!state.has_directory) {
        return state;
    }
    if (!status) {
        note_trouble(state, status.error());
        return state;
    }
    const auto checked = PinDirectory::check(directory);
    if (!checked) {
        note_trouble(state, checked.error());
    }
    if (S_ISLNK(status->st_mode)) {
        return state;  // whatever it leads to is somebody else's
    }
    auto names = list_directory(directory);
    if (!names) {
        const int code = names.error().code;
        if (code == ENOENT) {  // it was removed while we looked
            return state;
        }
        note_trouble(state, names.error());
        if (code != EACCES) {
            return state;
        }
        // What everybody may read where one may enter, if not list.
        names = std::vector<std::string>{XDP_TALLY_MAP_NAME, XDP_TALLY_META_NAME};
    }
    for (const auto& name : *names) {
        if (!is_reserved_directory(name)) {
            inspect_pin(state, directory, name);
        }
    }
    inspect_run(state, directory);
    inspect_staging(state, directory);
    state.changing = state.changing && checked;
    if (const auto looked = recognise_our_link(state, context, directory); !looked) {
        note_trouble(state, looked.error());
    }
    disown_stray_link(state);
    return state;
}

// Each change makes +staging, and removes it at its end.
bool is_unchanged(const Result<struct stat>& before, const Result<struct stat>& now) {
    return before && now ? before->st_ino == now->st_ino && before->st_mtim.tv_sec == now->st_mtim.tv_sec &&
                               before->st_mtim.tv_nsec == now->st_mtim.tv_nsec
                         : !before && !now;
}

}  // namespace

DeviceState inspect_device(const NetnsContext& context, const std::string& directory,
                           const std::optional<Interface>& interface) {
    DeviceState state = look_at_device(context, directory, interface);
    state.meta_is_hidden = !state.meta && state.trouble && meta_is_hidden(directory);
    search_program(state, context);
    const MapPin* const counters = state.find_map(XDP_TALLY_MAP_NAME);
    if (counters != nullptr && !(state.meta && state.hook.find(state.meta->program_id))) {
        const auto uses = hook_uses_map(state.hook, counters->info.id);
        state.other_program_counts = uses && *uses;
        if (!uses) {
            note_trouble(state, uses.error());
        }
    }
    state.decide(context.inode);
    return state;
}

DeviceState inspect_unlocked(const NetnsContext& context, std::string& directory,
                             const std::optional<Interface>& interface) {
    constexpr std::chrono::milliseconds kPause(5);
    // In all looks of this process together, and not by the clock: what else it does, on a slow machine, too,
    // is no waiting.
    static std::atomic<int> pauses_left = kLongestChange / kPause;
    for (;;) {
        const auto before = status_of(directory, AT_SYMLINK_NOFOLLOW);
        DeviceState state = inspect_device(context, directory, interface);
        if (!state.changing && is_unchanged(before, status_of(directory, AT_SYMLINK_NOFOLLOW))) {
            return state;
        }
        if (pauses_left-- <= 0) {
            if (state.trouble && is_failed_question(*state.trouble)) {
                return state;
            }
            const bool held = process_lock_is_held(directory + '/' + kStagingName).has_value();
            state.changing = true;
            state.trouble =
                make_error(ErrorKind::kConflict, "looking at " + directory,
                           held ? "a change is under way"
                                : "a change is under way, or was interrupted: root may see which");
            if (state.attach_state == AttachState::kForeign) {
                state.attach_state = AttachState::kUnknown;  // what a change has put on the hook may be ours
            }
            return state;
        }
        std::this_thread::sleep_for(kPause);
        if (interface && !status_of(directory)) {
            const auto pins = context.pins_of(*interface);
            directory = pins ? *pins : directory;
        }
    }
}

DeviceState without_interface(DeviceState state, const NetnsContext& context) {
    state.interface.reset();
    state.hook = {};
    state.dispatcher_trouble.reset();
    state.other_program_counts = false;
    state.decide(context.inode);
    return state;
}

DeviceState inspect_meta(const std::string& directory) {
    DeviceState state;
    const auto status = status_of(directory, AT_SYMLINK_NOFOLLOW);
    if (!status) {
        if (status.error().code != ENOENT) {
            note_trouble(state, status.error());
        }
        return state;
    }
    if (!S_ISDIR(status->st_mode)) {
        return state;  // whatever it leads to is somebody else's
    }
    inspect_pin(state, directory, XDP_TALLY_META_NAME);
    if (!state.meta) {
        inspect_staging(state, directory);
    }
    return state;
}

}  // namespace tally::loader
