// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Following an observation, in the foreground: each replacement of the observed program is observed, too.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/network/interface.h"
#include "common/network/link_socket.h"
#include "common/pins/meta.h"
#include "loader/device/pin_directory.h"

namespace tally::loader {

class FollowedObservation {
  public:
    // The observation that is pinned in the directory, which this process is the only one to follow: it holds
    // the flock of +follower, a directory beside the pins, 0700 like +staging. kConflict where another one
    // does, kNotFound where there is no observation. From here on SIGINT and SIGTERM do nothing but end
    // follow().
    static Result<FollowedObservation> begin(const std::string& directory);

    FollowedObservation(FollowedObservation&&) = default;
    FollowedObservation& operator=(FollowedObservation&&) = delete;
    ~FollowedObservation();

    // Makes the pins, which are locked, observe what is on the interface's hook now.
    using Renew = std::function<Result<void>(PinDirectory& pins, const Interface& interface)>;
    // Why the program that is there now is not observed; it is tried again.
    using Report = std::function<void(const Error& error)>;

    enum class End { kInterrupted, kUnloaded };
    // kNotFound once the interface is gone. The pins stay.
    Result<End> follow(const NetnsContext& context, const Renew& renew, const Report& report);

  private:
    FollowedObservation() = default;

    Result<std::optional<Meta>> pinned_meta() const;
    Result<bool> renew_if_replaced(const NetnsContext& context, const Meta& meta, const Link& link,
                                   const Renew& renew) const;

    std::string directory_;
    std::uint64_t lineage_ = 0;  // another one is another observation's
    UniqueFd lock_;
    UniqueFd signals_;
};

// After the pins were removed, or are no observation any more: the lock that a follower has left there. One
// that still runs ends by itself.
void remove_follower_lock(const std::string& directory);

}  // namespace tally::loader
