// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/chosen_program.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include "common/network/interface.h"
#include "common/network/link_socket.h"

namespace tally::loader {

Result<ProgramObject> open_chosen_program(const ProgramChoice& choice, Variant variant, HookSharing sharing) {
    return choice.filename.empty()
               ? ProgramObject::open_builtin(std::string(short_action_name(choice.action)), variant, sharing)
               : ProgramObject::open_file(choice.filename, choice.progname, choice.section);
}

Result<void> set_redirect_target(const ProgramChoice& choice, const ProgramObject& object) {
    if (!choice.filename.empty() || choice.action != Action::kRedirect) {
        return {};
    }
    TALLY_ASSIGN_OR_RETURN(auto target, resolve_interface(choice.redirect_to));
    for (const auto& map : object.maps()) {
        const std::uint32_t key = 0;
        if (map.name == "redirect_to" &&
            bpf_map_update_elem(ProgramObject::map_fd(map), &key, &target.ifindex, BPF_ANY) != 0) {
            return last_error("setting '{}' as the redirect target", target.name);
        }
    }
    return {};
}

}  // namespace tally::loader
