// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/dispatcher_leftover.h"

#include <fmt/format.h>

#include "common/base/shell_word.h"

namespace tally::loader {

Result<std::optional<Leftover>> find_leftover(const DeviceState& state) {
    const std::optional<Leftover> none;
    const bool was_component = state.meta && state.meta->attach_kind == XDP_TALLY_ATTACH_DISPATCHER;
    if (!was_component || state.our_component() != nullptr || state.ours != Ours::kNothing) {
        return none;
    }
    TALLY_ASSIGN_OR_RETURN(auto pins, find_pins_of_component(state.meta->program_id));
    if (!pins) {
        return none;
    }
    const bool removable = state.searched_everywhere && pins->components == 1;
    return std::optional(Leftover{std::move(*pins), removable});
}

Result<void> remove_leftover(const std::optional<Leftover>& leftover, bool dry_run, Outcome& outcome) {
    if (!leftover) {
        return {};
    }
    const auto& [pins, removable] = *leftover;
    if (!removable) {
        outcome.notes.push_back(fmt::format(
            "libxdp still has {} of the dispatcher {} pinned, which is not attached where it was; "
            "unless it is attached elsewhere, `rm -r {}` removes them",
            pins.components == 1 ? "the program" : fmt::format("the {} programs", pins.components),
            pins.directory.dispatcher_id, shell_word(pins.directory.path)));
        return {};
    }
    if (!dry_run) {
        TALLY_TRY(remove_dispatcher_directory(pins.directory.path));
    }
    outcome.removed.push_back(pins.directory.path);
    return {};
}

}  // namespace tally::loader
