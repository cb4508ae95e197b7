// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The kernel's XDP tracepoints that tell what became of verdicts.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <xdp_tally/delivery.h>

struct btf;

namespace tally::loader {

struct Tracepoint {
    std::uint32_t bit = 0;  // of enum xdp_tally_tracepoint; its number is the slot of the counting program
    const char* name = "";  // "xdp_devmap_xmit"
    const char* attached = "";  // our programs: the one that is attached,
    const char* counting = "";  // and the one that it goes on to
    std::string_view form;   // what our program relies on: 'p' a pointer, 'i' an int, from the first argument
    const char* tells = "";  // what is not counted without it

    std::uint32_t slot() const;
    std::string link_pin() const;
};

inline constexpr std::array<Tracepoint, 6> kTracepoints = {{
    {XDP_TALLY_ON_REDIRECT_ERR, "xdp_redirect_err", "on_redirect_err", "count_redirect_err", "pppi",
     "redirects that fail at once"},
    {XDP_TALLY_ON_DEVMAP_XMIT, "xdp_devmap_xmit", "on_devmap_xmit", "count_devmap_xmit", "ppiii",
     "redirects that reach the target's driver"},
    {XDP_TALLY_ON_CPUMAP_ENQUEUE, "xdp_cpumap_enqueue", "on_cpumap_enqueue", "count_cpumap_enqueue", "iiii",
     "full queues of cpumaps"},
    {XDP_TALLY_ON_CPUMAP_KTHREAD, "xdp_cpumap_kthread", "on_cpumap_kthread", "count_cpumap_kthread", "iiiip",
     "what comes out of cpumaps"},
    {XDP_TALLY_ON_BULK_TX, "xdp_bulk_tx", "on_bulk_tx", "count_bulk_tx", "piii", "XDP_TX"},
    {XDP_TALLY_ON_EXCEPTION, "xdp_exception", "on_exception", "count_exception", "ppi",
     "XDP_ABORTED, and verdicts that a driver could not follow"},
}};

// Whether the kernel of these types has it, with the arguments that our program expects.
bool has_tracepoint(const btf* kernel, const Tracepoint& tracepoint);

// Their names.
std::vector<std::string> tracepoint_names(std::uint32_t bits);

}  // namespace tally::loader
