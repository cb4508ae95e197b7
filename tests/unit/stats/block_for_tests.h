// A block with a number of every kind, for the formats.
#pragma once

#include "stats/block.h"

#include "counters_for_tests.h"

namespace tally::stats {

// 10 packets and 980 bytes passed in 2.000104 s, 1 dropped earlier.
inline Block example_block() {
    Block block;
    block.title = "veth0";
    block.device = "veth0";
    block.map_id = 32;
    block.feeder = Feeder{1, 57, "xdp_pass", "native", "link"};
    block.state = FeedState::kAttached;
    block.time = 1769860800'123'456'789;  // 2026-01-31 12:00:00.123 UTC
    block.readable = true;
    block.period = 2.000104;
    block.actions[XDP_DROP].count = {1, 60};
    block.actions[XDP_PASS] = {{10, 980}, {10, 980}, {5, 3920}};
    block.total = {{11, 1040}, {10, 980}, {5, 3920}};
    return block;
}

// The same before there is anything to compare with, and without a metadata record.
inline Block foreign_block() {
    Block block = example_block();
    block.device.reset();
    block.title = "/sys/fs/bpf/other/xdp_stats_map";
    block.feeder.reset();
    block.state = FeedState::kForeign;
    block.period = 0;
    block.actions[XDP_PASS].rate = {};
    block.total.rate = {};
    return block;
}

inline CpuFigures example_cpu(unsigned cpu, int action, Figures figures) {
    CpuFigures result;
    result.cpu = cpu;
    result.actions[static_cast<std::size_t>(action)] = figures;
    return result;
}

// Two programs: the first dropped 1 packet and handed on 10, which the second let pass.
inline Block dispatcher_block() {
    Block block = example_block();
    block.programs = {identify(7, "first"), identify(12, "second")};
    block.programs[0].actions = block.actions;
    block.programs[0].total = block.total;
    block.programs[1].actions[XDP_PASS] = block.actions[XDP_PASS];
    block.programs[1].total = block.actions[XDP_PASS];
    return block;
}

template <typename Output>
std::string text_of(Output& output, const Block& block) {
    fmt::memory_buffer buffer;
    output.append(buffer, block);
    return fmt::to_string(buffer);
}

}  // namespace tally::stats
