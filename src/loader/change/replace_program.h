// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Putting the new program on the hook, by whichever way was planned.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/pins/meta.h"
#include "loader/change/attach_plan.h"
#include "loader/device/device_state.h"
#include "loader/device/pin_directory.h"
#include "loader/hook/dispatcher_attach.h"
#include "loader/hook/link_attach.h"
#include "loader/object/program_object.h"

namespace tally::loader {

struct Replacement {
    Rollback rollback;  // empty: none but that of the staged link
    std::optional<std::uint32_t> link_id;
    UniqueFd new_link;  // where one was made: for AttachPlan::keeps_link, and for the rollback
    std::optional<Component> component;
    std::vector<std::string> notes;
};

// The new generation is staged, and `object` loaded. A new link is staged, too, unless the caller keeps it:
// from then on its pin keeps the program attached, and the staging area takes it down with itself. What a
// component has become is written into `meta`, the staged one as well. On an error the hook is as it was.
Result<Replacement> replace_program(PinDirectory& pins, const AttachPlan& plan, const Attempt& attempt,
                                    const PositionWish& wish, const DeviceState& state,
                                    const ProgramObject& object, Meta& meta);

}  // namespace tally::loader
