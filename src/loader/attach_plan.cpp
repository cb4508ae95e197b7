#include "loader/attach_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/names.h"
#include "loader/attachment.h"
#include "loader/describe.h"

namespace tally::loader {
namespace {

std::vector<std::uint32_t> wanted_modes(ModeChoice choice) {
    switch (choice) {
        case ModeChoice::kNative:
            return {XDP_TALLY_MODE_NATIVE};
        case ModeChoice::kGeneric:
            return {XDP_TALLY_MODE_GENERIC};
        case ModeChoice::kOffload:
            return {XDP_TALLY_MODE_OFFLOADED};
        case ModeChoice::kAuto:
            break;
    }
    return {XDP_TALLY_MODE_NATIVE, XDP_TALLY_MODE_GENERIC};
}

Error mode_conflict(const std::string& what, std::uint32_t running, const std::string& option) {
    return make_error(ErrorKind::kConflict, what,
                      fmt::format("a program already runs in {} mode, and a mode is not changed in place",
                                  mode_name(running)))
        .with_hint(fmt::format("`xdp_loader {} --unload` first, or load without a mode option", option));
}

}  // namespace

Result<AttachPlan> make_attach_plan(const Options& options, const Place& place, const Interface& interface,
                                    const DeviceState& state) {
    const std::string what = fmt::format("loading on '{}'", interface.name);
    AttachPlan plan;
    plan.modes = wanted_modes(options.mode);
    const auto serves = [&plan](std::uint32_t mode) {
        return std::find(plan.modes.begin(), plan.modes.end(), mode) != plan.modes.end();
    };
    if (state.held_by_a_run()) {
        return explain_held_by_a_run(what, state);
    }
    plan.old_program = state.our_program();
    if (plan.old_program && options.verb == Verb::kRun) {
        return make_error(ErrorKind::kConflict, what,
                          fmt::format("program {} of an earlier load runs there, and would not after --run",
                                      plan.old_program->id))
            .with_hint(fmt::format("`xdp_loader {} --unload` first", place.option(interface.name)));
    }
    if (state.link_alive() && !plan.old_program) {
        return make_error(
                   ErrorKind::kConflict, what,
                   fmt::format("the link pinned for this name runs program {} on another interface (moved "
                               "or renamed, or of another network namespace)",
                               state.link_info->program_id))
            .with_hint(fmt::format("`xdp_loader {} --unload` ends it, --bpffs DIR keeps apart",
                                   place.option(interface.name)));
    }
    if (!plan.old_program) {
        plan.old_program = options.mode == ModeChoice::kOffload ? state.hook.offloaded : state.hook.program;
        plan.foreign = plan.old_program.has_value();
    }
    if (!plan.old_program) {
        return plan;
    }
    if (plan.foreign) {
        const auto link = find_xdp_link(interface.ifindex, plan.old_program->id);
        const bool by_link = link && link->has_value();
        if (by_link || !options.force) {
            auto error = make_error(ErrorKind::kConflict, what,
                                    "the hook is taken by " + describe_holder(interface, *plan.old_program));
            error.hint = by_link ? fmt::format(
                                       "only the link's owner can replace it: end that process or remove its "
                                       "pin, or `bpftool link detach id {}`",
                                       (*link)->id)
                                 : "--force replaces it";
            return error;
        }
    }
    if (!serves(plan.old_program->mode)) {
        return mode_conflict(what, plan.old_program->mode, place.option(interface.name));
    }
    plan.modes = {plan.old_program->mode};
    plan.way = state.link_alive() ? Way::kUpdateLink : Way::kReplaceByNetlink;
    return plan;
}

// In native mode jumbo frames come in fragments. Elsewhere the linear program serves, which every driver
// takes; generic mode hands it every frame in one piece.
std::vector<Attempt> make_attempts(const Options& options, const Interface& interface,
                                   const AttachPlan& plan) {
    constexpr std::uint32_t kUsualMtu = 1500;
    std::vector<Attempt> attempts;
    for (const auto mode : plan.modes) {
        if (!options.filename.empty()) {
            attempts.push_back({Variant::kLinear, mode, true});  // the file says itself what it is
            continue;
        }
        const bool jumbo = mode == XDP_TALLY_MODE_NATIVE && interface.mtu > kUsualMtu;
        attempts.push_back({jumbo ? Variant::kFrags : Variant::kLinear, mode, true});
        attempts.push_back({jumbo ? Variant::kLinear : Variant::kFrags, mode, true});
    }
    if (plan.way == Way::kUpdateLink) {
        attempts.push_back({attempts.front().variant, attempts.front().mode, false});
    }
    return attempts;
}

}  // namespace tally::loader
