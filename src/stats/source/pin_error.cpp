// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/pin_error.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "common/base/directory.h"
#include "common/base/shell_word.h"
#include "common/pins/bpffs.h"
#include "common/pins/meta.h"

namespace tally::stats {
namespace {

unsigned mode_of(const struct stat& status) {
    return status.st_mode & 07777U;
}

Error explain_denial(Error error, const std::string& pin) {
    struct stat status = {};
    if (auto explained = explain_barrier(error, pin); !explained.hint.empty()) {
        return explained;
    }
    if (::stat(pin.c_str(), &status) != 0) {
        return error;
    }
    if (S_ISDIR(status.st_mode)) {
        return make_error(ErrorKind::kNotFound, std::move(error.what), "it is a directory, not a pinned map")
            .with_hint(fmt::format("`ls {}` shows the pins in it", shell_word(pin)));
    }
    if (const auto in_bpffs = is_bpffs(pin); in_bpffs && !*in_bpffs) {
        // The kernel returns EACCES also for what is not a pin.
        return make_error(ErrorKind::kNotFound, std::move(error.what),
                          "it is not a pin: it is not in a BPF file system");
    }
    error.reason +=
        fmt::format(": the pin's mode is {:04o}, its owner's uid {}", mode_of(status), status.st_uid);
    error.hint = fmt::format("as root, `chmod a+r {}` lets every user read it", shell_word(pin));
    return error;
}

std::string hint_for_device(const std::string& device, const NetnsContext& context, const std::string& pin) {
    const std::string option = context.option(device);
    const auto meta = find_meta(directory_of(pin));
    const auto link = context.links ? std::optional(context.links->find(device)) : std::nullopt;
    if (!link || !*link || !meta) {
        return fmt::format("as root, `xdp_loader {} --status` shows what is attached there", option);
    }
    const XdpHook& hook = (*link)->hook;
    if (hook.empty()) {
        return fmt::format("`xdp_loader {}` loads a counting program", option);
    }
    const bool was_loaded = *meta && (*meta)->attach_kind != XDP_TALLY_ATTACH_OBSERVE;
    if (was_loaded && (*meta)->counter_map_id != 0) {
        return fmt::format(
            "somebody has removed it; `xdp_loader {}{}` loads the program anew, with new counters", option,
            load_options(**meta));
    }
    if (hook.offloaded || was_loaded) {
        return "#include <xdp_tally/tally.bpf.h> in the program that is attached there, and it counts";
    }
    return fmt::format("`xdp_loader {} --observe` counts the verdicts of the program that is attached there",
                       option);
}

}  // namespace

Error explain_pin_error(Error error, const std::string& pin) {
    switch (error.code) {
        case EACCES:
            return explain_denial(std::move(error), pin);
        case EPERM:
            if (name_of(pin).find('.') != std::string::npos) {
                // bpffs returns EPERM for names with a dot, also when they are looked up.
                return make_error(ErrorKind::kNotFound, std::move(error.what),
                                  "the name of a pin cannot contain a dot");
            }
            error.reason += ": this kernel requires CAP_BPF";
            error.hint = "run it as root; from kernel 5.19 on, every user who can reach the pin may read it";
            return error;
        case EINVAL:
            return make_error(ErrorKind::kConflict, std::move(error.what), "it is not a map");
        default:
            return error;
    }
}

Error explain_map_id_error(Error error) {
    if (error.kind == ErrorKind::kPermission) {
        error.reason += ": opening a map by its id requires CAP_SYS_ADMIN";
        error.hint = "run it as root, or name the map's pin with --map PATH";
    } else if (error.kind == ErrorKind::kNotFound) {
        return make_error(ErrorKind::kNotFound, std::move(error.what), "there is no map with this id")
            .with_hint("`bpftool map` lists the maps");
    }
    return error;
}

Error explain_missing_pin(const std::optional<std::string>& device, const NetnsContext& context,
                          const std::string& pin) {
    auto error = make_error(ErrorKind::kNotFound, "opening the pin " + pin, "nothing is pinned there");
    if (device) {
        error.hint = hint_for_device(*device, context, pin);
    }
    return error;
}

}  // namespace tally::stats
