// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// To be preloaded: memory runs out at one moment of a C++ program. What counts is malloc as called by the
// program itself and by the C++ library, linked in or not: that is operator new, and room for exceptions.
//
// XDP_TALLY_FAIL_NEW=K     the K-th call fails
// XDP_TALLY_FAIL_NEW=K+    and so do all after it
// XDP_TALLY_COUNT_NEW=FILE is where the number of calls is written when the program ends
#include <link.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

extern "C" void* __libc_malloc(std::size_t size);  // NOLINT(*-reserved-identifier,*-identifier-naming)

namespace {

struct Range {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
};

std::array<Range, 2> g_callers;  // the program, and the C++ library where it is shared
unsigned long g_first = 0;       // 0: none fails
bool g_all_after = false;
std::atomic<unsigned long> g_calls = 0;

Range extent_of(const dl_phdr_info& object) {
    Range extent = {UINTPTR_MAX, 0};
    for (int i = 0; i < object.dlpi_phnum; ++i) {
        const auto& segment = object.dlpi_phdr[i];
        if (segment.p_type == PT_LOAD) {
            const std::uintptr_t start = object.dlpi_addr + segment.p_vaddr;
            extent.begin = start < extent.begin ? start : extent.begin;
            extent.end = start + segment.p_memsz > extent.end ? start + segment.p_memsz : extent.end;
        }
    }
    return extent;
}

int note_object(dl_phdr_info* object, std::size_t /*size*/, void* /*unused*/) {
    const std::string_view name = object->dlpi_name;
    if (name.empty() && g_callers[0].end == 0) {  // the program comes first
        g_callers[0] = extent_of(*object);
    } else if (name.find("libstdc++") != std::string_view::npos) {
        g_callers[1] = extent_of(*object);
    }
    return 0;
}

// Ahead of whatever the program itself does.
[[gnu::constructor]] void begin() {
    if (const char* const text = std::getenv("XDP_TALLY_FAIL_NEW"); text != nullptr) {
        char* end = nullptr;
        g_first = std::strtoul(text, &end, 10);
        g_all_after = *end == '+';
    }
    dl_iterate_phdr(note_object, nullptr);
}

[[gnu::destructor]] void write_count() {
    const char* const path = std::getenv("XDP_TALLY_COUNT_NEW");
    if (path == nullptr) {
        return;
    }
    const unsigned long calls = g_calls;
    if (std::FILE* const file = std::fopen(path, "we"); file != nullptr) {
        std::fprintf(file, "%lu\n", calls);
        std::fclose(file);
    }
}

bool fails(std::uintptr_t caller) {
    for (const Range& range : g_callers) {
        if (caller >= range.begin && caller < range.end) {
            const unsigned long call = ++g_calls;
            return g_first != 0 && (call == g_first || (g_all_after && call > g_first));
        }
    }
    return false;
}

}  // namespace

extern "C" void* malloc(std::size_t size) noexcept {
    if (fails(reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)))) {
        errno = ENOMEM;
        return nullptr;
    }
    return __libc_malloc(size);
}
