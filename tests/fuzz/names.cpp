// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Every name becomes one path component that bpffs takes, and back again; decoding takes anything.
#include <cstdint>

#include "common/pins/abi_names.h"
#include "common/pins/pin_names.h"

#include "property.h"

using namespace tally;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string name(reinterpret_cast<const char*>(data), size);
    const std::string encoded = encode_pin_name(name);
    REQUIRE(encoded.find('.') == std::string::npos);
    REQUIRE(decode_pin_name(encoded) == name);
    REQUIRE(decode_pin_name(name).size() <= name.size());
    if (size >= sizeof(std::uint32_t)) {
        const std::uint32_t number =
            data[0] | data[1] << 8U | data[2] << 16U | static_cast<unsigned>(data[3]) << 24U;
        REQUIRE(!mode_name(number).empty() && !attach_name(number).empty());
    }
    return 0;
}
