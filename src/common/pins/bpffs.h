// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The BPF file system and the pins in it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace tally {

inline constexpr const char* kDefaultBpffs = "/sys/fs/bpf";

// Whether the path is in a BPF file system: false where the kernel says that it is another one, or that there
// is nothing of this name.
Result<bool> is_bpffs(const std::string& path);
// The same; an error also where there is nothing of this name.
Result<bool> look_for_bpffs(const std::string& path);

// Whose directories in a bpffs are believed: root's, those of the owner of the bpffs's root, and those of
// this process's user. Where everybody may write to the root (mode 1777), those of others could hold
// anything.
class TrustedOwners {
  public:
    static Result<TrustedOwners> of(const std::string& root);
    bool include(uid_t owner) const;

  private:
    uid_t root_owner_ = 0;
};

// kConflict where `directory`, or one between it and `root`, belongs to somebody else. One that is not there
// is no error.
Result<void> check_trusted(const std::string& directory, const std::string& root);

// BPF_OBJ_GET. Links cannot be opened read-only; maps can, with read permission alone (BPF_F_RDONLY, 4.15).
Result<UniqueFd> open_pin(const std::string& path, bool read_only);
// The same for what must be a map: kConflict where the pin holds something else.
Result<UniqueFd> open_map_pin(const std::string& path, bool read_only);

// For commands in hints: "--bpffs DIR "; empty for the default root, which an empty name is, too.
std::string root_option(const std::string& bpffs);

// A lack of permission for this path, with the directory on it that this user may not look into, and how it
// can be opened; anything else as it is. The path of a directory that is listed ends with a slash.
Error explain_barrier(Error error, const std::string& path);

// The pin directories of interfaces below the root, of all namespaces, that this process may look into. An
// error only where the kernel could not answer.
Result<std::vector<std::string>> pin_directories(const std::string& root);

}  // namespace tally
