// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The map by which generations in one dispatcher tell whose packet it is (xdp_tally_mark of tally.bpf.h).
#pragma once

#include <cstdint>

#include "common/base/result.h"

namespace tally::loader {

// This generation counts no packet any more, and the one before it counts again: for its rollback, while both
// are in the dispatcher. Exact, because the newer one itself lowers the mark, in the same run in which the
// older one then finds it so.
Result<void> revoke_generation(int marks_fd, std::uint64_t generation);

// No generation is revoked. Before a generation starts, and after a revoked one has gone.
Result<void> end_revocation(int marks_fd);

}  // namespace tally::loader
