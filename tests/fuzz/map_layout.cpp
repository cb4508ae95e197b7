// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Type information of a damaged object: whether it is sound and what its fields are is found in bounded time
// and space, and every layout is equal to itself.
#include "loader/object/map_layout.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <cstdint>

#include "common/base/unique_handle.h"
#include "loader/change/map_compatibility.h"
#include "loader/object/btf_check.h"
#include "loader/object/map_memory.h"

#include "property.h"

using namespace tally::loader;

namespace {

constexpr std::uint32_t kTypes = 3;  // the last of them, which may refer to all others

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
    libbpf_set_print(nullptr);
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const tally::UniqueHandle<btf, btf__free> types(btf__new(data, static_cast<std::uint32_t>(size)));
    const auto broken = find_broken_type({data, size});
    if (!types) {
        REQUIRE(!broken);
        return 0;
    }
    const std::uint32_t count = btf__type_cnt(types.get());
    REQUIRE(!broken || (*broken > 0 && *broken < count));
    MapLayout last;
    for (std::uint32_t id = count > kTypes ? count - kTypes : 0; id <= count; ++id) {
        MapLayout layout;
        layout.type = id;
        layout.key_size = size;
        layout.value_size = count;
        layout.max_entries = data[id % size];
        layout.value_fields = flatten_type(types.get(), id);
        REQUIRE(layout.value_fields->size() <= 4096);
        REQUIRE(compare_layouts(layout, layout).empty());
        for (const auto& line : compare_layouts(last, layout)) {
            REQUIRE(!line.empty());
        }
        (void)map_memory(layout, 64);
        last = std::move(layout);
    }
    return 0;
}
