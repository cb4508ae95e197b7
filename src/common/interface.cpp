#include "common/interface.h"

#include <fmt/format.h>
#include <net/if.h>
// After the C library's header, whose names it then leaves out.
#include <linux/if.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "common/link_socket.h"

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
    const auto checked = check_interface_name(name);
    const bool only_alternative = !checked && name.size() >= IFNAMSIZ && name.size() < ALTIFNAMSIZ;
    if (!checked && !only_alternative) {
        return checked.error();
    }
    TALLY_TRY_ASSIGN(socket, LinkSocket::open());
    auto link = socket.find(name);
    if (link) {
        return std::move(link->interface);
    }
    if (only_alternative) {
        return checked.error();
    }
    if (link.error().kind != ErrorKind::kNotFound) {
        return link.error();
    }
    return make_error(ErrorKind::kNotFound, fmt::format("looking for interface '{}'", name),
                      "there is none of that name in this network namespace")
        .with_hint(
            "`ip -brief link` lists the interfaces there are, --netns NAME looks in another namespace");
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

std::optional<std::string> interface_name(std::uint32_t ifindex) {
    std::array<char, IF_NAMESIZE> name = {};
    if (::if_indextoname(ifindex, name.data()) == nullptr) {
        return std::nullopt;
    }
    return name.data();
}

}  // namespace tally
