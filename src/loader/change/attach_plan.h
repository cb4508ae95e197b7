// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// How a load is going to put its program on the hook, decided before anything is changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/pins/netns_context.h"
#include "loader/device/device_state.h"
#include "loader/object/program_object.h"
#include "loader/requests.h"

namespace tally::loader {

// How the new program gets onto the hook.
enum class AttachMethod { kNewLink, kUpdateLink, kReplaceByNetlink, kComponent };

struct AttachPlan {
    std::vector<AttachMethod> methods;       // to be tried in this order
    std::vector<std::uint32_t> modes;        // the same; one where a program is replaced
    std::optional<HookProgram> old_program;  // what is replaced
    bool foreign = false;                    // and it is somebody else's
    bool ended_dispatcher = false;           // with all the programs in it
    // The old attachment has to end before the new one can begin: links and dispatchers exclude each other.
    bool moves = false;
    bool keeps_link = false;    // for a --run: a link is the process's own, and pinned nowhere
    std::string no_dispatcher;  // why --attach auto does not even try a dispatcher
};

// One try: how, which of the built-in variants, and in which mode.
struct Attempt {
    AttachMethod method = AttachMethod::kNewLink;
    Variant variant = Variant::kLinear;
    std::uint32_t mode = 0;
    // A link takes only programs with the attach type of its first: BPF_XDP, or none where that was loaded
    // without (libbpf does so when its probe for attach types fails).
    bool attach_type = true;
};

// kConflict where the hook is held by a program that may not be replaced, or that runs in another mode.
Result<AttachPlan> make_attach_plan(const LoadRequest& request, const NetnsContext& context,
                                    const Interface& interface, const DeviceState& state);

// What to try, in this order, until the kernel takes one.
std::vector<Attempt> make_attempts(const LoadRequest& request, const Interface& interface,
                                   const AttachPlan& plan);

}  // namespace tally::loader
