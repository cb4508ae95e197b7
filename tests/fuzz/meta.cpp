// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Whatever somebody else wrote into a meta: it is refused, or safe to print and to search.
#include "common/pins/meta.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "property.h"

using namespace tally;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto meta = decode_meta({data, size});
    if (!meta) {
        REQUIRE(meta.error().kind == ErrorKind::kConflict && !meta.error().message().empty());
        return 0;
    }
    // Version 1 ended before them.
    const std::size_t known = meta->abi_version == 1 ? offsetof(Meta, delivery_first) : sizeof(Meta);
    REQUIRE(size >= known);
    REQUIRE(meta->magic == XDP_TALLY_MAGIC && meta->abi_version >= 1);
    REQUIRE(meta->map_count <= XDP_TALLY_MAX_MAPS);
    REQUIRE(meta->delivery_first.count <= XDP_TALLY_DELIVERY_BASE_MAX);
    REQUIRE(meta->delivery_map.count <= XDP_TALLY_DELIVERY_BASE_MAX);
    REQUIRE(::strnlen(meta->interface, sizeof(meta->interface)) < sizeof(meta->interface));
    REQUIRE(::strnlen(meta->program, sizeof(meta->program)) < sizeof(meta->program));
    for (std::uint32_t i = 0; i < meta->map_count; ++i) {
        REQUIRE(owns_map(*meta, meta->map_ids[i]));
    }
    // Nothing else is changed.
    Meta copy = *meta;
    Meta original = {};
    std::memcpy(&original, data, known);
    copy.interface[sizeof(copy.interface) - 1] = original.interface[sizeof(copy.interface) - 1];
    copy.program[sizeof(copy.program) - 1] = original.program[sizeof(copy.program) - 1];
    REQUIRE(std::memcmp(&copy, &original, sizeof(copy)) == 0);
    return 0;
}
