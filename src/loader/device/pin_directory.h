// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// An interface's directory in bpffs, while its pins are being changed.
//
// <root>/<interface>/           0755, the pins that readers open; below <root>/netns:<name>/, 0755 as well,
//                               for an interface of a named network namespace
// <root>/<interface>/+staging/  0700, there only during a change: its flock serialises the loaders and dies
//                               with its holder; the new pins wait in it to be renamed into place. No C
//                               identifier has a '+', so no map's pin can have this name.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/bpf/bpf_info.h"
#include "common/pins/netns_context.h"

namespace tally::loader {

// Of a pin, unless others may read it.
inline constexpr mode_t kOwnerOnly = 0600;

class PinDirectory {
  public:
    // Creates what is missing and waits for the lock. kConflict for a directory that somebody else could
    // write to or owns: what is in it cannot be trusted.
    static Result<PinDirectory> lock(const std::string& path);
    // The same for a directory that must exist already; none where it does not.
    static Result<std::optional<PinDirectory>> lock_existing(const std::string& path);
    // The same, and none where somebody has the lock, which is not waited for.
    static Result<std::optional<PinDirectory>> lock_if_free(const std::string& path);

    // Whether lock would take the directory as it is: the errors it would give. Changes nothing; a directory
    // that is not there will do.
    static Result<void> check(const std::string& path);
    // The same for making what is missing, also the staging area: whether this process is allowed to.
    static Result<void> check_may_create(const std::string& path);

    PinDirectory(PinDirectory&&) = default;
    PinDirectory& operator=(PinDirectory&&) = default;
    // Empties and removes the staging area, and the directory itself where nothing is left in it. While an
    // exception unwinds, nobody knows how far the change has come: what is staged stays, as after a kill.
    ~PinDirectory();

    const std::string& path() const { return path_; }

    // Names of the pins, without the staging area and other directories, and without symbolic links, wherever
    // they lead; those still in the staging area.
    Result<std::vector<std::string>> pins() const;
    Result<std::vector<std::string>> staged() const;

    Result<UniqueFd> open(const std::string& pin, bool read_only) const;
    Result<UniqueFd> open_staged(const std::string& pin, bool read_only) const;
    // None where there is no such pin, or one that is no map: a failed question is no answer.
    Result<std::optional<MapInfo>> find_map(const std::string& pin) const;

    // Staged pins are their owner's alone (0600): who may not override permissions can still write to them.
    Result<void> stage(int fd, const std::string& pin);
    // Gives what is staged as `staged` its mode and renames it to `pin`, over the old one: at no instant is
    // there none.
    Result<void> publish(const std::string& staged, const std::string& pin, mode_t mode);
    Result<void> remove(const std::string& pin);
    Result<void> remove_staged(const std::string& pin);
    // The whole directory gets another path, where nothing may be yet. Who waits for the lock tries again.
    Result<void> rename(const std::string& path);
    // Leaves what is staged where it is, for the next command to finish or discard.
    void leave_staged() { leave_staged_ = true; }

  private:
    PinDirectory() = default;

    enum class Create { kNo, kYes };
    enum class Wait { kNo, kYes };
    static Result<std::optional<PinDirectory>> try_lock(const std::string& path, Create create, Wait wait);
    Result<bool> is_pin(const std::string& name) const;
    std::string staged_path(const std::string& pin) const;
    void remove_empty_parent() const;
    Result<void> set_staged_mode(const std::string& pin, mode_t mode);

    std::string path_;
    std::string parent_;  // that of a network namespace, made and removed like the directory; else empty
    UniqueFd directory_;
    UniqueFd staging_;
    std::vector<std::string> staged_here_;  // or published since
    bool created_ = false;                  // by us, just now
    bool leave_staged_ = false;
};

// lock and lock_existing for the pins of an interface, which are looked for again under the lock: where it
// was renamed, they may have moved while that was waited for. `directory` is where they are just now.
Result<PinDirectory> lock_pins_of(const NetnsContext& context, const Interface& interface);
Result<std::optional<PinDirectory>> lock_existing_pins_of(const NetnsContext& context,
                                                          const Interface& interface, std::string directory);

}  // namespace tally::loader
