// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// In a file of its own: seen together, GCC takes malloc and operator delete for a mismatch.
#include "stats/counting_new.h"

#include <cstdlib>
#include <new>

namespace {

std::size_t g_allocations = 0;

}  // namespace

std::size_t allocations_so_far() {
    return g_allocations;
}

void* operator new(std::size_t size) {
    ++g_allocations;
    if (void* memory = std::malloc(size)) {
        return memory;
    }
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
