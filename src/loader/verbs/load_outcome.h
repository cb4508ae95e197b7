// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What a load tells of what it did, and of what it could not do.
#pragma once

#include <optional>
#include <string>

#include "common/base/error.h"
#include "common/bpf/bpf_info.h"
#include "common/network/interface.h"
#include "common/pins/meta.h"
#include "common/pins/netns_context.h"
#include "loader/change/attach_plan.h"
#include "loader/change/replace_program.h"
#include "loader/device/device_state.h"
#include "loader/object/program_object.h"
#include "loader/outcome.h"
#include "loader/requests.h"

namespace tally::loader {

// Why it did not become what is tried first.
struct Refusals {
    std::string native;
    std::string dispatcher;
    std::optional<Error> failure;  // of those that were noted, the one that says most

    void note(const Attempt& attempt, Error error);
};

Outcome describe_load(const LoadRequest& request, const Interface& interface, const ProgramObject& object,
                      const ProgramInfo& program, const Meta& meta, const std::string& directory);

// Of a program that the kernel did not attach in native mode: what the driver has, behind the reason.
void explain_refusing_driver(const Interface& interface, const Attempt& attempt, Error& error);

void describe_replacement(const Replacement& replacement, Outcome& outcome);

// Where the built-in program redirects to, and a warning where that cannot take it.
void describe_redirect(const ProgramChoice& choice, const NetnsContext& context, const Interface& interface,
                       Outcome& outcome);

// A dry run has had the verifier look at a program and at maps that are gone now.
void forget_what_goes(Outcome& outcome, const AttachPlan& plan, const Attempt& attempt);

// Why this attempt and not one before it, and whose place was taken.
void describe_choice(const LoadRequest& request, const Interface& interface, const AttachPlan& plan,
                     const Attempt& attempt, const Refusals& refusals, Outcome& outcome);

// After the last attempt: what to do about its failure, where that is not said yet. `state` is what was there
// before it.
void advise_on_failure(const LoadRequest& request, const NetnsContext& context, const DeviceState& state,
                       Error& failure);

}  // namespace tally::loader
