// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/start/memory_reserve.h"

#include <atomic>
#include <cstdlib>
#include <new>

#include "common/start/plain_error.h"

namespace tally {
namespace {

constexpr std::size_t kReserve = 65536;

std::atomic<void*> g_reserve = nullptr;

// Not by operator new, which throws and catches even where it returns a null pointer instead: the C++ library
// has set room aside for exceptions, and may have got none.
bool set_aside() {
    if (g_reserve == nullptr) {
        g_reserve = std::malloc(kReserve);  // NOLINT(*-no-malloc)
    }
    return g_reserve != nullptr;
}

void throw_with_room() {
    release_memory_reserve();
    throw std::bad_alloc();
}

[[noreturn]] void end_process() {
    print_plain_error("out of memory");
    std::_Exit(EXIT_FAILURE);
}

// operator new tries again.
void take_reserve() {
    if (g_reserve == nullptr) {
        end_process();
    }
    release_memory_reserve();
}

// Before the objects of CLI11 that are made ahead of main(). Priorities up to 100 are the compiler's own.
constexpr int kFirst = 101;

[[gnu::constructor(kFirst)]] void set_aside_first() {
    if (!set_aside()) {
        end_process();
    }
    std::set_new_handler(take_reserve);
}

}  // namespace

void throw_when_out_of_memory() {
    std::set_new_handler(throw_with_room);
    if (!set_aside()) {
        throw std::bad_alloc();
    }
}

void release_memory_reserve() {
    std::free(g_reserve.exchange(nullptr));  // NOLINT(*-no-malloc)
}

}  // namespace tally
