#include "common/interface.h"

#include <fmt/format.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "common/unique_fd.h"

namespace tally {

Result<void> check_interface_name(const std::string& name) {
    const std::string what = fmt::format("looking for interface '{}'", name);
    if (name.empty()) {
        return make_error(ErrorKind::kUsage, what, "the name is empty");
    }
    if (name.size() >= IFNAMSIZ) {
        return make_error(ErrorKind::kUsage, what,
                          fmt::format("the name has {} bytes, the longest an interface can have is {}",
                                      name.size(), IFNAMSIZ - 1));
    }
    const auto unfit = [](unsigned char c) { return c == '/' || c == ':' || std::isspace(c) != 0; };
    if (name == "." || name == ".." || std::any_of(name.begin(), name.end(), unfit)) {
        return make_error(ErrorKind::kUsage, what,
                          "no interface can have this name ('/', ':', blanks, '.' and '..' are not allowed)");
    }
    return {};
}

Result<Interface> resolve_interface(const std::string& name) {
    TALLY_TRY(check_interface_name(name));
    Interface interface;
    interface.name = name;
    interface.ifindex = if_nametoindex(name.c_str());
    if (interface.ifindex == 0) {
        return make_error(ErrorKind::kNotFound, fmt::format("looking for interface '{}'", name),
                          "there is none of that name in this network namespace")
            .with_hint("`ip -brief link` lists the interfaces there are");
    }
    const UniqueFd socket_fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request = {};
    std::memcpy(request.ifr_name, name.data(), name.size());
    if (!socket_fd || ::ioctl(socket_fd.get(), SIOCGIFMTU, &request) != 0) {
        return last_error(fmt::format("reading the MTU of '{}'", name));
    }
    interface.mtu = static_cast<std::uint32_t>(request.ifr_mtu);
    return interface;
}

Result<std::optional<Interface>> find_interface(const std::string& name) {
    auto found = resolve_interface(name);
    if (found) {
        return std::optional(std::move(*found));
    }
    if (found.error().kind == ErrorKind::kNotFound) {
        return std::optional<Interface>();
    }
    return found.error();
}

Result<std::uint64_t> current_netns_inode() {
    struct stat status = {};
    if (::stat("/proc/thread-self/ns/net", &status) != 0) {
        return last_error("reading /proc/thread-self/ns/net");
    }
    return static_cast<std::uint64_t>(status.st_ino);
}

}  // namespace tally
