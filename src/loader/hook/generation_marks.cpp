// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/hook/generation_marks.h"

#include <bpf/bpf.h>

#include <vector>

#include <xdp_tally/abi.h>

#include "common/bpf/bpf_info.h"
#include "loader/hook/rcu_grace_period.h"

namespace tally::loader {
namespace {

// The same value on every CPU.
Result<void> write_mark(int marks_fd, std::uint32_t key, std::uint64_t value) {
    TALLY_ASSIGN_OR_RETURN(const auto cpus, possible_cpus());
    const std::vector<std::uint64_t> values(cpus, value);
    if (bpf_map_update_elem(marks_fd, &key, values.data(), BPF_ANY) != 0) {
        return last_error("writing the generation marks");
    }
    return {};
}

}  // namespace

Result<void> revoke_generation(int marks_fd, std::uint64_t generation) {
    TALLY_TRY(write_mark(marks_fd, XDP_TALLY_MARK_REVOKED, generation));
    // From here on every run lowers the mark. CPUs that see no packet just now get that done for them.
    wait_for_running_programs();
    return write_mark(marks_fd, XDP_TALLY_MARK_NEWEST, 0);
}

Result<void> end_revocation(int marks_fd) {
    return write_mark(marks_fd, XDP_TALLY_MARK_REVOKED, 0);
}

}  // namespace tally::loader
