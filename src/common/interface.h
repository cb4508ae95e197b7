// Network interfaces of the current network namespace.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/result.h"

namespace tally {

struct Interface {
    std::string name;
    std::uint32_t ifindex = 0;
    std::uint32_t mtu = 0;  // bytes, without the Ethernet header
};

// kUsage for a name that no interface can have (empty, over 15 bytes, '/', blanks, "." and ".."): such a
// name must never become part of a path.
Result<void> check_interface_name(const std::string& name);

// By its name, or by an alternative name, which may have 127 bytes; `name` of what is returned is the
// interface's own. kUsage as above; kNotFound where there is no such interface.
Result<Interface> resolve_interface(const std::string& name);

// None where there is no such interface.
Result<std::optional<Interface>> find_interface(const std::string& name);

// What the interface is called now; none where there is no such interface in this network namespace.
std::optional<std::string> interface_name(std::uint32_t ifindex);

}  // namespace tally
