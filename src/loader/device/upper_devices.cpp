// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/device/upper_devices.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>
#include <vector>

#include "loader/device/device_inspection.h"
#include "loader/device/device_state.h"
#include "loader/device/hook_description.h"

namespace tally::loader {
namespace {

// What to type to have the program of this interface out of the way, with its counts kept where they are
// ours.
Result<std::string> command_for(const NetnsContext& context, const Link& link) {
    TALLY_ASSIGN_OR_RETURN(auto directory, context.pins_of(link.interface));
    const auto state = inspect_unlocked(context, directory, link.interface);
    if (state.trouble && (is_failed_question(*state.trouble) || state.changing)) {
        return *state.trouble;
    }
    if (state.ours == Ours::kReserved) {
        return explain_reserved("", state).hint;
    }
    if (state.our_program && state.ours != Ours::kUnpinned) {
        return keep_counts_and_detach(context.option(link.interface.name));
    }
    const auto& program = state.hook.attached();
    if (!program) {
        return std::string();
    }
    TALLY_ASSIGN_OR_RETURN(auto holder, identify_holder(context, state, *program));
    return std::move(holder.next_command);
}

struct Named {
    std::vector<std::string> names;     // 'u0' (program 7)
    std::vector<std::string> commands;  // of command_for, for upper devices
};

Result<Named> find_stacked(const NetnsContext& context, LinkSocket& socket, const Link& self, bool upper) {
    Named found;
    TALLY_ASSIGN_OR_RETURN(const auto links, socket.list());
    for (const auto& link : links) {
        const auto& program = link.hook.attached();
        if (!program || !(upper ? is_above(link, self) : is_above(self, link))) {
            continue;
        }
        found.names.push_back(fmt::format("'{}' (program {})", link.interface.name, program->id));
        if (upper) {
            TALLY_ASSIGN_OR_RETURN(auto command, command_for(context, link));
            found.commands.push_back(std::move(command));
        }
    }
    return found;
}

}  // namespace

bool is_above(const Link& upper, const Link& lower) {
    if (lower.master != 0 && lower.master == upper.interface.ifindex) {
        return true;
    }
    const bool on_lower = upper.below == lower.interface.ifindex && !upper.below_netns;
    const bool pair = lower.below == upper.interface.ifindex && !lower.below_netns;
    return on_lower && !pair;
}

void explain_stacked_devices(const NetnsContext& context, const Interface& interface, Error& error) {
    const bool upper = error.reason.find("upper device") != std::string::npos;
    const bool slave = error.reason.find("Slave has XDP program") != std::string::npos;
    auto socket = LinkSocket::open();
    const auto self = socket ? socket->find(interface.ifindex) : socket.error();
    if (!(upper || slave) || !self) {
        return;
    }
    const auto stacked = find_stacked(context, *socket, *self, upper);
    if (!stacked) {
        return;  // the refusal is told as it is
    }
    const Named& found = *stacked;
    if (found.names.empty()) {
        error.reason += upper ? ": it is in another network namespace" : "";
        return;
    }
    error.reason += fmt::format(": {}", fmt::join(found.names, ", "));
    if (upper) {
        error.hint = fmt::format(
            "{}; then this command again, and load there once more, with --reuse-maps where maps were kept: "
            "both "
            "programs run if the lower interface's came first",
            fmt::join(found.commands, "; "));
    }
}

}  // namespace tally::loader
