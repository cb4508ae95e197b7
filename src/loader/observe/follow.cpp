// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/observe/follow.h"

#include <fmt/format.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <utility>

#include "common/base/directory.h"
#include "common/pins/pin_names.h"
#include "common/pins/process_lock.h"
#include "loader/change/recovery.h"

namespace tally::loader {
namespace {

using std::chrono::milliseconds;

// The kernel announces neither that a bpf_link was attached or updated, nor that pins were removed: these are
// looked for so often. What cannot be observed is tried again less and less often.
constexpr milliseconds kInterval(100);
constexpr milliseconds kLongestInterval(1000);

std::string lock_path(const std::string& directory) {
    return directory + '/' + kFollowerName;
}

// Readable once SIGINT or SIGTERM has come.
Result<UniqueFd> take_signals() {
    sigset_t signals = {};
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC));
    if (!fd || ::sigprocmask(SIG_BLOCK, &signals, nullptr) != 0) {
        return last_error("setting up signal handling");
    }
    return fd;
}

// The kernel's announcements that something about an interface of this namespace has changed; what, is for
// the reader to find out.
Result<UniqueFd> listen_to_links() {
    UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    sockaddr_nl address = {};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_LINK;
    if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return last_error("listening for changes of interfaces");
    }
    return fd;
}

// True: the process is to end.
bool wait_for_event(const UniqueFd& signals, const UniqueFd& announcements, milliseconds at_most) {
    std::array<pollfd, 2> events = {{{signals.get(), POLLIN, 0}, {announcements.get(), POLLIN, 0}}};
    ::poll(events.data(), events.size(), static_cast<int>(at_most.count()));
    std::array<char, 4096> buffer = {};
    while (::recv(announcements.get(), buffer.data(), buffer.size(), 0) > 0) {
    }
    return events[0].revents != 0;
}

}  // namespace

Result<FollowedObservation> FollowedObservation::begin(const std::string& directory) {
    TALLY_ASSIGN_OR_RETURN(auto meta, read_meta(directory + '/' + XDP_TALLY_META_NAME));
    TALLY_ASSIGN_OR_RETURN(auto lock, take_process_lock(lock_path(directory)));
    if (!lock) {
        return make_error(ErrorKind::kConflict, fmt::format("following '{}'", meta.interface),
                          "another process follows it already");
    }
    FollowedObservation self;
    self.directory_ = directory;
    self.lineage_ = meta.lineage;
    self.lock_ = std::move(*lock);
    TALLY_ASSIGN_OR_RETURN(auto signals, take_signals());
    self.signals_ = std::move(signals);
    return self;
}

FollowedObservation::~FollowedObservation() {
    if (lock_) {
        remove_follower_lock(directory_);
    }
}

Result<FollowedObservation::End> FollowedObservation::follow(const NetnsContext& context, const Renew& renew,
                                                             const Report& report) {
    TALLY_ASSIGN_OR_RETURN(auto announcements, listen_to_links());
    TALLY_ASSIGN_OR_RETURN(auto links, LinkSocket::open());
    milliseconds interval = kInterval;
    std::string failure;
    std::string told;
    for (;;) {
        const auto meta = pinned_meta();
        if (meta && !*meta) {
            break;
        }
        const auto link = meta ? links.find((*meta)->ifindex) : meta.error();
        if (!link && link.error().kind == ErrorKind::kNotFound) {
            return make_error(ErrorKind::kNotFound, fmt::format("following '{}'", (*meta)->interface),
                              "the interface is gone");
        }
        const auto observed = link ? renew_if_replaced(context, **meta, *link, renew) : link.error();
        if (!observed) {
            const std::string message = observed.error().message();
            // What fails once may have met another change that was under way.
            if (message == failure && message != told) {
                report(observed.error());
                told = message;
            }
            failure = message;
        } else if (*observed) {
            failure.clear();
            told.clear();
        }
        interval = observed ? kInterval : std::min(interval * 2, kLongestInterval);
        if (wait_for_event(signals_, announcements, interval)) {
            return End::kInterrupted;
        }
    }
    // The lock's directory is gone with the pins, as a rule, and may be another process's by now; what is
    // left of it where the link alone was removed, the next unload removes.
    lock_.reset();
    return End::kUnloaded;
}

// None where the pins are not those of this observation any more.
Result<std::optional<Meta>> FollowedObservation::pinned_meta() const {
    TALLY_ASSIGN_OR_RETURN(const auto meta, find_meta(directory_));
    const bool is_it = meta && meta->attach_kind == XDP_TALLY_ATTACH_OBSERVE && meta->lineage == lineage_;
    TALLY_ASSIGN_OR_RETURN(const bool pinned,
                           is_it ? path_exists(directory_ + '/' + XDP_TALLY_LINK_NAME) : Result<bool>(false));
    return pinned ? meta : std::nullopt;
}

// False: another loader is at work on the pins. It is not waited for, as no signal would end that: the next
// round is soon enough.
Result<bool> FollowedObservation::renew_if_replaced(const NetnsContext& context, const Meta& meta,
                                                    const Link& link, const Renew& renew) const {
    if (!link.hook.program || link.hook.program->id == meta.program_id) {
        return true;
    }
    TALLY_ASSIGN_OR_RETURN(auto pins, PinDirectory::lock_if_free(directory_));
    if (!pins) {
        return false;
    }
    TALLY_TRY(repair(*pins, context));
    TALLY_ASSIGN_OR_RETURN(const auto pinned, pinned_meta());
    if (pinned) {
        TALLY_TRY(renew(*pins, link.interface));
    }
    return true;
}

void remove_follower_lock(const std::string& directory) {
    ::rmdir(lock_path(directory).c_str());
}

}  // namespace tally::loader
