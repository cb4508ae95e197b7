// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A directory beside the pins by which others can tell that a process is there, and the pins its own: its
// flock is held while the process lives, however that ends. 0700 like +staging: a flock on what everybody can
// open could be held by anybody.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/pins/meta.h"

namespace tally {

// The lock, which goes along with the descriptor into a new process; none where another process has it. Makes
// the directory.
Result<std::optional<UniqueFd>> take_process_lock(const std::string& path);

// Whether somebody has it; kPermission where this process may not look.
Result<bool> process_lock_is_held(const std::string& path);

// A change is waited for by those who look, for as long as undoing a load that failed can take a loader. One
// that takes longer is stuck.
inline constexpr std::chrono::seconds kLongestChange(2);

// A loader holds the lock of the staging area in `directory`: hook, pins and meta may be of several
// generations. Also true where there is such a lock, and this process cannot tell whether it is held; not
// where the directory's name is empty, of a map without a pin.
bool change_is_under_way(const std::string& directory);

// The pins in `directory`, whose meta this is, are of an `xdp_loader --run` that has ended: a program of
// theirs that is still attached was left by a kill. False where this process may not look.
Result<bool> is_of_ended_run(const Meta& meta, const std::string& directory);

}  // namespace tally
