// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/exporter/privileges.h"

#include <fmt/format.h>
#include <grp.h>
#include <linux/bpf.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "common/bpf/capability_sets.h"

namespace tally::stats {
namespace {

// Whether bpf() requires a capability: then it fails before it looks at its argument, which is no valid
// descriptor. Asked without effective capabilities, which are taken back from the permitted ones.
Result<bool> reading_takes_cap_bpf() {
    TALLY_ASSIGN_OR_RETURN(const auto sets, read_capability_sets());
    CapabilitySets none = sets;
    for (auto& part : none) {
        part.effective = 0;
    }
    TALLY_TRY(set_capability_sets(none));
    bpf_attr attributes = {};
    attributes.map_fd = UINT32_MAX;
    const bool refused =
        ::syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attributes, sizeof(attributes)) != 0 && errno == EPERM;
    TALLY_TRY(set_capability_sets(sets));
    return refused;
}

// getpwnam(3): one of these, or none at all.
bool says_not_found(int code) {
    return code == 0 || code == ENOENT || code == ESRCH || code == EBADF || code == EPERM;
}

// The groups first: another user may not drop them any more.
Result<void> switch_user(const std::string& name) {
    const std::string what = fmt::format("changing to user '{}'", name);
    errno = 0;
    const passwd* const user = ::getpwnam(name.c_str());
    if (user == nullptr && !says_not_found(errno)) {
        return last_error(what);
    }
    if (user == nullptr) {
        return make_error(ErrorKind::kNotFound, what, "there is no such user");
    }
    if (::geteuid() == user->pw_uid) {
        return {};
    }
    if (::setgroups(0, nullptr) != 0 || ::setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
        ::setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0) {
        auto error = last_error(what);
        if (error.kind == ErrorKind::kPermission) {
            error.reason += " (it requires CAP_SETUID and CAP_SETGID)";
        }
        return error;
    }
    return {};
}

Result<void> keep_only(const std::vector<unsigned int>& kept) {
    TALLY_ASSIGN_OR_RETURN(auto data, read_capability_sets());
    CapabilitySets left = {};
    for (const unsigned int capability : kept) {
        auto& part = left[CAP_TO_INDEX(capability)];
        part.permitted |= CAP_TO_MASK(capability) & data[CAP_TO_INDEX(capability)].permitted;
        part.effective = part.permitted;
    }
    return set_capability_sets(left);
}

}  // namespace

Result<void> drop_privileges(const std::optional<std::string>& user,
                             const std::vector<unsigned int>& also_kept) {
    std::vector<unsigned int> kept = also_kept;
    TALLY_ASSIGN_OR_RETURN(const bool takes_cap_bpf, reading_takes_cap_bpf());
    if (takes_cap_bpf) {
        kept.push_back(CAP_BPF);
    }
    if (user) {
        // Otherwise changing the user drops all of them.
        ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
        TALLY_TRY(switch_user(*user));
    }
    TALLY_TRY(keep_only(kept));
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return {};
}

}  // namespace tally::stats
