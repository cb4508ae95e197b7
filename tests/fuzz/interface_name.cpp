// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A name that passes the check leads to a directory right below the root, and nowhere else.
#include <cstdint>

#include "common/network/interface.h"
#include "common/pins/abi_names.h"
#include "common/pins/netns_context.h"
#include "common/pins/pin_names.h"

#include "property.h"

using namespace tally;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // As an argument it ends at the first NUL.
    const std::string name = std::string(reinterpret_cast<const char*>(data), size).c_str();
    const auto checked = check_interface_name(name);
    if (!checked) {
        REQUIRE(checked.error().kind == ErrorKind::kUsage && !checked.error().message().empty());
        return 0;
    }
    REQUIRE(!name.empty() && name.size() <= 15);
    REQUIRE(name != "." && name != ".." && name.find('/') == std::string::npos);
    NetnsContext context;
    context.bpffs.path = "/root";
    const std::string directory = context.directory(name);
    REQUIRE(directory.starts_with("/root/") && directory.rfind('/') == 5);
    const std::string component = directory.substr(6);
    REQUIRE(!component.empty() && component.find('.') == std::string::npos);
    REQUIRE(decode_pin_name(component) == name);
    return 0;
}
