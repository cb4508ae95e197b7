#include <fmt/format.h>
#include <net/if.h>

#include <memory>
#include <set>

#include "common/bpffs.h"
#include "common/names.h"
#include "loader/describe.h"
#include "loader/device_state.h"
#include "loader/pin_removal.h"
#include "loader/verbs.h"

namespace tally::loader {
namespace {

void explain(const DeviceState& state, const std::string& directory, Outcome& outcome) {
    const std::string& device = outcome.dev;
    switch (state.feed()) {
        case Feed::kForeign:
            outcome.notes.push_back(describe_holder(
                *state.interface, state.hook.program ? *state.hook.program : *state.hook.offloaded));
            break;
        case Feed::kDetached:
            outcome.notes.push_back(
                fmt::format("nothing feeds the pinned maps; `xdp_loader --dev {} -M` goes on with them, "
                            "--clean removes them",
                            device));
            break;
        case Feed::kStale:
            outcome.notes.push_back(fmt::format(
                "the program that runs here feeds other maps than the pinned ones; loading again mends it",
                device));
            break;
        case Feed::kUnknown:
            outcome.notes.emplace_back(
                "the pins' device cannot be seen from here: it is in another network namespace, or was "
                "renamed");
            break;
        case Feed::kOrphaned:
            outcome.notes.push_back(
                fmt::format("the pins' device is gone; `xdp_loader --dev {} --clean` removes them", device));
            break;
        default:
            break;
    }
    if (state.interrupted) {
        outcome.notes.emplace_back(
            "a change was interrupted; the next load, --unload or --clean puts it right");
    }
    if (state.trouble && !state.link_hidden) {
        outcome.notes.push_back("not everything could be read: " + state.trouble->message());
    }
    if (const auto note = describe_foreign_pins(state, directory); !note.empty() && !state.interrupted) {
        outcome.notes.push_back(note);
    }
}

}  // namespace

Result<Outcome> status(const Options& options, const std::string& device) {
    TALLY_TRY_ASSIGN(interface, find_interface(device));
    const std::string directory = interface_directory(options.bpffs, device);
    const auto state = inspect_device(directory, interface);
    if (!interface && !state.has_directory) {
        return resolve_interface(device).error();
    }
    Outcome outcome;
    outcome.dev = device;
    outcome.verb = "status";
    outcome.state = feed_name(state.feed());
    if (const auto& attached = state.hook.program ? state.hook.program : state.hook.offloaded) {
        outcome.hook =
            HookOutcome{std::string(mode_name(attached->mode)), describe_program(attached->id, state)};
    }
    if (state.meta) {
        outcome.mode = mode_name(state.meta->attach_mode);
        outcome.attach = attach_name(state.meta->attach_kind);
        outcome.program = describe_program(state.meta->program_id, state);
        outcome.generation = state.meta->generation;
    }
    if (state.link_info) {
        outcome.link_id = state.link_info->id;
    }
    if (state.has_pins()) {
        outcome.pin_dir = directory;
    }
    for (const auto& map : state.maps) {
        outcome.maps.push_back(
            MapOutcome{decode_pin_name(map.pin_name), map.info.id, directory + '/' + map.pin_name, false});
    }
    explain(state, directory, outcome);
    return outcome;
}

Result<std::vector<std::string>> known_devices(const Options& options) {
    std::set<std::string> devices;
    if (options.verb == Verb::kStatus) {
        const std::unique_ptr<struct if_nameindex, void (*)(struct if_nameindex*)> interfaces(
            ::if_nameindex(), &::if_freenameindex);
        for (auto* entry = interfaces.get(); entry != nullptr && entry->if_index != 0; ++entry) {
            const auto hook = query_xdp_hook(entry->if_index);
            if (hook && !hook->empty()) {
                devices.insert(entry->if_name);
            }
        }
    }
    const auto names = list_directory(options.bpffs);
    if (!names && names.error().kind == ErrorKind::kPermission) {
        return names.error();
    }
    for (const auto& name : names ? *names : std::vector<std::string>()) {
        const std::string device = decode_pin_name(name);
        if (!check_interface_name(device)) {
            continue;
        }
        // Only directories with our record, or with a change that was cut off before there was one.
        const auto state = inspect_device(options.bpffs + '/' + name, std::nullopt);
        if (state.meta || state.interrupted) {
            devices.insert(device);
        }
    }
    return std::vector<std::string>(devices.begin(), devices.end());
}

}  // namespace tally::loader
