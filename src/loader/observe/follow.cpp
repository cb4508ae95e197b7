// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/observe/follow.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/directory.h"
#include "common/base/unique_fd.h"
#include "common/kernel/link_socket.h"
#include "common/kernel/netns.h"
#include "common/pins/bpffs.h"
#include "common/pins/meta.h"
#include "common/pins/pin_names.h"
#include "loader/change/publication.h"
#include "loader/device/device_state.h"
#include "loader/device/pin_directory.h"
#include "loader/device/process_lock.h"
#include "loader/observe/observation.h"
#include "loader/verbs/unattended.h"

namespace tally::loader {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Of the hook: a bpf_link that is updated, and a moved interface, are announced to nobody.
constexpr milliseconds kInterval(100);
constexpr milliseconds kLongestPause(5000);

std::string lock_path(const std::string& directory) {
    return directory + '/' + kFollowerName;
}

std::string netns_of_process(const std::string& pid) {
    return fmt::format("/proc/{}/ns/net", pid);
}

bool is_netns(const std::string& path, std::uint64_t inode) {
    struct stat status = {};
    return ::stat(path.c_str(), &status) == 0 && status.st_ino == inode;
}

std::string name_of_process(const std::string& pid) {
    std::string name;
    std::getline(std::ifstream(fmt::format("/proc/{}/comm", pid)), name);
    return name;
}

// The namespace's file of a process that is in there. Others that follow do not count, nor does this one:
// they would keep it in existence for each other.
std::optional<std::string> find_other_process(std::uint64_t netns_inode) {
    const std::string own_name = name_of_process("self");
    const auto entries = list_directory("/proc");
    for (const auto& entry : entries ? *entries : std::vector<std::string>()) {
        const bool is_process = entry.find_first_not_of("0123456789") == std::string::npos;
        std::string path = netns_of_process(entry);
        if (is_process && is_netns(path, netns_inode) && name_of_process(entry) != own_name) {
            return path;
        }
    }
    return std::nullopt;
}

// What the path means to this process, for another one with another working directory and another /proc/self.
std::string without_detours(const std::string& path) {
    const std::filesystem::path given(path);
    std::error_code failed;
    const auto directory = std::filesystem::canonical(given.parent_path(), failed);
    return failed ? path : (directory / given.filename()).string();
}

// The kernel's announcements that something about an interface of this namespace has changed; what, is for
// the reader to find out.
class LinkAnnouncements {
  public:
    LinkAnnouncements() : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)) {
        sockaddr_nl address = {};
        address.nl_family = AF_NETLINK;
        address.nl_groups = RTMGRP_LINK;
        if (fd_ && ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
            fd_.reset();  // then there is the interval
        }
    }

    void wait(milliseconds at_most) const {
        pollfd event = {fd_.get(), POLLIN, 0};
        ::poll(&event, 1, static_cast<int>(at_most.count()));
        std::array<char, 4096> buffer;
        while (::recv(fd_.get(), buffer.data(), buffer.size(), 0) > 0) {
        }
    }

  private:
    UniqueFd fd_;
};

class HookFollower {
  public:
    explicit HookFollower(const Followed& followed) : followed_(followed), anchor_(followed.anchor) {}

    void run() {
        auto socket = LinkSocket::open();
        const LinkAnnouncements announcements;
        while (socket && follow(*socket)) {
            announcements.wait(kInterval);
        }
    }

  private:
    // False: there is nothing to follow any more.
    bool follow(LinkSocket& socket) {
        const auto meta = read_meta(followed_.directory + '/' + XDP_TALLY_META_NAME);
        if (!meta || meta->attach_kind != XDP_TALLY_ATTACH_OBSERVE || meta->lineage != followed_.lineage ||
            ::access((followed_.directory + '/' + XDP_TALLY_LINK_NAME).c_str(), F_OK) != 0 ||
            !is_anchored(*meta)) {
            return false;
        }
        const auto link = socket.find(followed_.interface.ifindex);
        if (!link) {
            return link.error().kind != ErrorKind::kNotFound;
        }
        const auto& program = link->hook.program;
        if (program && program->id != meta->program_id) {
            try_to_renew(program->id);
        }
        return true;
    }

    bool is_anchored(const Meta& meta) {
        if (anchor_.empty() || is_netns(anchor_, meta.netns_inode)) {
            return true;
        }
        auto other = find_other_process(meta.netns_inode);
        anchor_ = other ? std::move(*other) : anchor_;
        return other.has_value();
    }

    // What fails is tried again: at once where another program has come, else after longer and longer pauses.
    void try_to_renew(std::uint32_t program_id) {
        const auto now = steady_clock::now();
        if (program_id == failed_ && now < next_try_) {
            return;
        }
        if (renew()) {
            failed_ = 0;
            return;
        }
        pause_ = program_id == failed_ ? std::min(pause_ * 2, kLongestPause) : kInterval;
        failed_ = program_id;
        next_try_ = now + pause_;
    }

    Result<void> renew() const {
        // Who has the lock may be waiting for this process to end: the next round is soon enough.
        TALLY_ASSIGN_OR_RETURN(auto pins, PinDirectory::lock_if_free(followed_.directory));
        if (!pins) {
            return {};
        }
        TALLY_TRY(repair(*pins, followed_.interface.ifindex));
        const auto state = inspect_device(followed_.directory, followed_.interface);
        if (state.trouble) {
            return *state.trouble;
        }
        if (!state.observes() || state.meta->lineage != followed_.lineage) {
            return {};
        }
        TALLY_ASSIGN_OR_RETURN(
            auto target, find_target(followed_.interface, state.hook, "--dev " + followed_.interface.name));
        TALLY_TRY(renew_observation(&*pins, followed_.directory, followed_.interface, state, target));
        return {};
    }

    const Followed& followed_;
    std::string anchor_;
    std::uint32_t failed_ = 0;  // the program that could not be observed
    milliseconds pause_ = kInterval;
    steady_clock::time_point next_try_;
};

}  // namespace

std::optional<std::string> netns_anchor(const NetnsContext& context) {
    const auto inode = current_netns_inode();
    if (!inode || is_netns("/proc/1/ns/net", *inode)) {
        return std::string();
    }
    if (context.netns_option.find('/') != std::string::npos) {
        return without_detours(context.netns_option);
    }
    std::string named = "/run/netns/" + context.netns;
    if (!context.netns.empty() && is_netns(named, *inode)) {
        return named;
    }
    std::string callers = netns_of_process(std::to_string(::getppid()));
    return is_netns(callers, *inode) ? std::optional(std::move(callers)) : find_other_process(*inode);
}

Result<std::optional<int>> start_follower(const Followed& followed) {
    TALLY_ASSIGN_OR_RETURN(auto lock, take_process_lock(lock_path(followed.directory)));
    if (!lock) {
        return std::optional<int>();
    }
    const pid_t pid = ::fork();
    if (pid < 0) {
        auto error = last_error("starting the process that follows replacements");
        ::rmdir(lock_path(followed.directory).c_str());
        return error;
    }
    if (pid == 0) {
        leave_session();
        close_all_but(lock->get());
        HookFollower(followed).run();
        ::rmdir(lock_path(followed.directory).c_str());
        ::_exit(0);
    }
    return std::optional<int>(pid);
}

std::optional<bool> has_follower(const std::string& directory) {
    return process_lock_is_held(lock_path(directory));
}

void wait_for_follower(const std::string& directory) {
    constexpr auto kPatience = std::chrono::seconds(10);
    constexpr auto kPause = std::chrono::milliseconds(5);
    const auto give_up = steady_clock::now() + kPatience;
    while (has_follower(directory) == true && steady_clock::now() < give_up) {
        std::this_thread::sleep_for(kPause);
    }
    ::rmdir(lock_path(directory).c_str());
}

}  // namespace tally::loader
