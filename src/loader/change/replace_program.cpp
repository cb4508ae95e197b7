// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/replace_program.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <chrono>
#include <utility>

#include <xdp_tally/abi.h>

#include "common/base/exceptions.h"
#include "common/base/unique_fd.h"
#include "loader/hook/generation_marks.h"
#include "loader/hook/rcu_grace_period.h"

namespace tally::loader {
namespace {

using std::chrono::steady_clock;

// Ends what is attached; the rollback attaches the same program in the same way again.
Result<Rollback> detach_current(PinDirectory& pins, const AttachPlan& plan, const DeviceState& state) {
    const Interface interface = *state.interface;
    const HookProgram old = *plan.old_program;
    TALLY_ASSIGN_OR_RETURN(auto program, open_program_by_id(old.id));
    // Made before anything has ended, as that takes memory.
    if (state.ours == Ours::kLink) {
        Rollback rollback([&pins, interface, old, program = std::move(program)] {
            const auto link = create_xdp_link(interface, program.get(), old.mode);
            return link && pins.stage(link->get(), XDP_TALLY_LINK_NAME) &&
                   pins.publish(XDP_TALLY_LINK_NAME, XDP_TALLY_LINK_NAME, kOwnerOnly);
        });
        TALLY_TRY(detach_link(state.link.get()));
        return rollback;
    }
    if (state.ours == Ours::kComponent) {
        Rollback rollback([interface, old, program = std::move(program)] {
            return static_cast<bool>(reattach_component(program.get(), interface.ifindex, old.mode));
        });
        TALLY_TRY(detach_component(interface.ifindex, old.id));
        return rollback;
    }
    Rollback rollback([interface, old, program = std::move(program)] {
        return static_cast<bool>(attach_by_netlink(interface.ifindex, program.get(), old.mode));
    });
    TALLY_TRY(detach_by_netlink(interface.ifindex, old));
    return rollback;
}

Result<void> rewrite_staged_meta(const PinDirectory& pins, const Meta& meta) {
    TALLY_ASSIGN_OR_RETURN(auto fd, pins.open_staged(XDP_TALLY_META_NAME, false));
    return write_meta(fd.get(), meta);
}

// While the old and the new component both run, is each packet counted once?
std::string explain_inexact(const DeviceState& state, const Component& old, const Component& attached,
                            const Meta& meta) {
    const bool both_use_marks = (state.meta->flags & meta.flags & XDP_TALLY_META_MARKS) != 0;
    if (!both_use_marks) {
        return "packets that arrived while the old and the new program both ran are counted twice: only "
               "programs with <xdp_tally/tally.bpf.h> avoid that";
    }
    if (attached.priority >= old.priority) {
        return "the new program ran after the old one until that was removed: at most one packet per CPU is "
               "counted twice";
    }
    return {};
}

Result<Replacement> join_dispatcher(PinDirectory& pins, const Attempt& attempt, const PositionWish& wish,
                                    const DeviceState& state, const ProgramObject& object, Meta& meta) {
    const Interface& interface = *state.interface;
    const Component* const old = state.our_component();
    TALLY_ASSIGN_OR_RETURN(auto opened, object.open_component());
    const auto position = old != nullptr ? choose_next_position(wish, *old, *state.hook.dispatcher)
                                         : choose_position(wish, own_priority(opened));
    UniqueFd marks(object.uses_generation_marks() ? ::fcntl(object.marks_fd(), F_DUPFD_CLOEXEC, 0) : -1);
    if (marks) {
        TALLY_TRY(end_revocation(marks.get()));
    }
    Replacement replacement;
    TALLY_ASSIGN_OR_RETURN(auto component, attach_component(opened, interface, attempt.mode, position));
    meta.program_id = component.program_id;
    // The old component is still there: it leaves once everything else is published.
    replacement.rollback = Rollback([marks = std::move(marks), ifindex = interface.ifindex,
                                     id = component.program_id, generation = meta.generation] {
        const bool revoked = !marks || revoke_generation(marks.get(), generation);
        if (!revoked || !detach_component(ifindex, id)) {
            return false;
        }
        wait_for_running_programs();
        return !marks || end_revocation(marks.get());
    });
    if (auto written = rewrite_staged_meta(pins, meta); !written) {
        if (!replacement.rollback.run()) {
            pins.leave_staged();  // for the next command, which finds the component by them
        }
        return written.error();
    }
    if (old != nullptr) {
        if (auto note = explain_inexact(state, *old, component, meta); !note.empty()) {
            replacement.notes.push_back(std::move(note));
        }
    }
    replacement.component = std::move(component);
    return replacement;
}

Result<Replacement> attach_new_link(PinDirectory& pins, const AttachPlan& plan, const Attempt& attempt,
                                    const DeviceState& state, int program_fd) {
    auto created = create_xdp_link(*state.interface, program_fd, attempt.mode);
    if (!created) {
        if (!plan.keeps_link) {
            add_kernel_words(created.error(), *state.interface, program_fd, attempt.mode);
        }
        return std::move(created).error();
    }
    TALLY_ASSIGN_OR_RETURN(auto info, link_info(created->get()));
    Replacement replacement;
    replacement.link_id = info.id;
    replacement.rollback = Rollback([link = created->get()] {
        (void)detach_link(link);  // sooner than by its last descriptor and pin
        return true;
    });
    if (!plan.keeps_link) {
        TALLY_TRY(pins.stage(created->get(), XDP_TALLY_LINK_NAME));
    }
    replacement.new_link = std::move(*created);
    return replacement;
}

Result<Replacement> attach(PinDirectory& pins, const AttachPlan& plan, const Attempt& attempt,
                           const PositionWish& wish, const DeviceState& state, const ProgramObject& object,
                           Meta& meta) {
    Replacement replacement;
    switch (attempt.method) {
        case AttachMethod::kUpdateLink: {
            TALLY_ASSIGN_OR_RETURN(
                replacement.rollback,
                update_xdp_link(state.link.get(), object.program_fd(), plan.old_program->id));
            replacement.link_id = state.link_info->id;
            return replacement;
        }
        case AttachMethod::kReplaceByNetlink: {
            TALLY_ASSIGN_OR_RETURN(
                replacement.rollback,
                replace_by_netlink(*state.interface, object.program_fd(), *plan.old_program));
            return replacement;
        }
        case AttachMethod::kComponent:
            return join_dispatcher(pins, attempt, wish, state, object, meta);
        case AttachMethod::kNewLink:
            break;
    }
    return attach_new_link(pins, plan, attempt, state, object.program_fd());
}

}  // namespace

Result<Replacement> replace_program(PinDirectory& pins, const AttachPlan& plan, const Attempt& attempt,
                                    const PositionWish& wish, const DeviceState& state,
                                    const ProgramObject& object, Meta& meta) {
    if (!plan.moves) {
        return attach(pins, plan, attempt, wish, state, object, meta);
    }
    const auto start = steady_clock::now();
    TALLY_ASSIGN_OR_RETURN(auto restore_old, detach_current(pins, plan, state));
    auto replacement =
        without_exceptions([&] { return attach(pins, plan, attempt, wish, state, object, meta); });
    const std::chrono::duration<double, std::milli> gap = steady_clock::now() - start;
    if (!replacement) {
        if (!restore_old.run()) {
            replacement.error().details +=
                fmt::format("program {} could not be attached again either\n", plan.old_program->id);
        }
        return replacement;
    }
    replacement->rollback =
        Rollback([detach_new = std::move(replacement->rollback), restore = std::move(restore_old)]() mutable {
            return detach_new.run() && restore.run();
        });
    replacement->notes.push_back(fmt::format(
        "links and dispatchers exclude each other: for {:.1f} ms no program was attached, and packets passed "
        "uncounted",
        gap.count()));
    return replacement;
}

}  // namespace tally::loader
