#include "loader/describe.h"

#include <fmt/format.h>
#include <xdp/libxdp.h>

#include <memory>

#include "common/names.h"

namespace tally::loader {
namespace {

struct MultiprogCloser {
    void operator()(xdp_multiprog* multiprog) const { xdp_multiprog__close(multiprog); }
};

}  // namespace

ProgramOutcome describe_program(std::uint32_t id, const DeviceState& state) {
    ProgramOutcome outcome;
    outcome.id = id;
    if (const auto fd = open_program_by_id(id)) {
        if (const auto info = program_info(fd->get())) {
            outcome.name = info->name;
            outcome.tag = info->tag;
        }
    }
    if (state.meta && state.meta->program_id == id) {
        outcome.name = state.meta->program;
        outcome.frags = (state.meta->flags & XDP_TALLY_META_FRAGS) != 0;
    }
    return outcome;
}

std::string describe_holder(const Interface& interface, const AttachedProgram& program) {
    std::string text = fmt::format("program {}", program.id);
    if (const auto fd = open_program_by_id(program.id)) {
        if (const auto info = program_info(fd->get())) {
            text += fmt::format(" '{}'", info->name);
        }
    }
    text += fmt::format(" in {} mode", mode_name(program.mode));
    const auto link = find_xdp_link(interface.ifindex, program.id);
    if (link && *link) {
        text += fmt::format(", attached by link {}", (*link)->id);
    } else if (link) {
        text += ", attached by netlink";
    }
    const std::unique_ptr<xdp_multiprog, MultiprogCloser> multiprog([&]() -> xdp_multiprog* {
        xdp_multiprog* found = xdp_multiprog__get_from_ifindex(static_cast<int>(interface.ifindex));
        return libxdp_get_error(found) == 0 ? found : nullptr;
    }());
    if (multiprog && !xdp_multiprog__is_legacy(multiprog.get())) {
        text += ", libxdp's dispatcher of";
        for (xdp_program* part = nullptr;
             (part = xdp_multiprog__next_prog(part, multiprog.get())) != nullptr;) {
            text += fmt::format(" '{}'", xdp_program__name(part));
        }
    }
    return text;
}

Error explain_held_by_a_run(const std::string& what, const DeviceState& state) {
    return make_error(
               ErrorKind::kConflict, what,
               fmt::format("a running `xdp_loader --run` holds program {} there", state.meta->program_id))
        .with_hint("it is unloaded when the command ends that runs under it");
}

}  // namespace tally::loader
