#include "loader/hook_follower.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <thread>

#include "common/bpffs.h"
#include "common/link_socket.h"
#include "common/meta.h"
#include "common/netns.h"
#include "loader/device_state.h"
#include "loader/observation.h"
#include "loader/pin_directory.h"
#include "loader/publication.h"
#include "loader/unattended.h"

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

UniqueFd open_lock(const std::string& directory) {
    return UniqueFd(::open(lock_path(directory).c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// The lock, which goes along with the descriptor into a new process; none where a follower has it.
Result<std::optional<UniqueFd>> take_lock(const std::string& directory) {
    const std::string path = lock_path(directory);
    if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
        return last_error(fmt::format("creating {}", path));
    }
    UniqueFd fd = open_lock(directory);
    if (!fd) {
        return last_error(fmt::format("opening {}", path));
    }
    while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        // Those who only ask whether it is held share it, for a moment.
        if (::flock(fd.get(), LOCK_SH | LOCK_NB) != 0) {
            return std::optional<UniqueFd>();
        }
        ::flock(fd.get(), LOCK_UN);
    }
    return std::optional(std::move(fd));
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
    explicit HookFollower(const Followed& followed) : followed_(followed) {}

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

    bool is_anchored(const Meta& meta) const {
        struct stat status = {};
        return followed_.anchor.empty() ||
               (::stat(followed_.anchor.c_str(), &status) == 0 && status.st_ino == meta.netns_inode);
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
        TALLY_TRY_ASSIGN(pins, PinDirectory::lock_existing(followed_.directory));
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
        TALLY_TRY_ASSIGN(target, find_target(followed_.interface, state.hook));
        TALLY_TRY(renew_observation(&*pins, followed_.directory, followed_.interface, state, target));
        return {};
    }

    const Followed& followed_;
    std::uint32_t failed_ = 0;  // the program that could not be observed
    milliseconds pause_ = kInterval;
    steady_clock::time_point next_try_;
};

}  // namespace

std::string netns_anchor(const Place& place, const std::optional<std::string>& path) {
    struct stat own = {};
    struct stat first = {};
    if (::stat("/proc/thread-self/ns/net", &own) == 0 && ::stat("/proc/1/ns/net", &first) == 0 &&
        own.st_ino == first.st_ino) {
        return {};
    }
    if (path && path->find('/') != std::string::npos) {
        return *path;
    }
    std::string named = "/run/netns/" + place.netns;
    if (!place.netns.empty() && ::access(named.c_str(), F_OK) == 0) {
        return named;
    }
    return fmt::format("/proc/{}/ns/net", ::getppid());
}

Result<std::optional<int>> start_follower(const Followed& followed) {
    TALLY_TRY_ASSIGN(lock, take_lock(followed.directory));
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
    const UniqueFd fd = open_lock(directory);
    if (!fd) {
        return errno == ENOENT ? std::optional(false) : std::nullopt;
    }
    return ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0;
}

void see_follower_off(const std::string& directory) {
    constexpr auto kPatience = std::chrono::seconds(10);
    constexpr auto kPause = std::chrono::milliseconds(5);
    const auto give_up = steady_clock::now() + kPatience;
    while (has_follower(directory) == true && steady_clock::now() < give_up) {
        std::this_thread::sleep_for(kPause);
    }
    ::rmdir(lock_path(directory).c_str());
}

}  // namespace tally::loader
