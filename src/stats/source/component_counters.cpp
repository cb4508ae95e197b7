// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/component_counters.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/directory.h"
#include "common/pins/bpffs.h"
#include "common/pins/pin_names.h"
#include "stats/source/pin_error.h"

namespace tally::stats {

Result<void> ComponentCounters::take(const Meta& meta, const std::string& directory, bool under_way) {
    auto opened = open_all(meta, directory, under_way && !start_missed_);
    start_missed_ = !opened && (start_missed_ || !under_way);
    if (!opened) {
        return std::move(opened).error();
    }
    for (Program& program : *opened) {
        if (const auto known = find(program.map.info().id); known != components_.end()) {
            known->position = program.position;
            program = std::move(*known);
            components_.erase(known);
        }
    }
    components_ = std::move(*opened);
    std::sort(components_.begin(), components_.end(),
              [](const Program& a, const Program& b) { return a.position < b.position; });
    return {};
}

// Those that are known are not read again.
Result<std::vector<ComponentCounters::Program>> ComponentCounters::open_all(const Meta& meta,
                                                                            const std::string& directory,
                                                                            bool under_way) {
    TALLY_ASSIGN_OR_RETURN(const auto names, list_directory_if_any(directory));
    std::vector<Program> opened;
    for (const auto& name : names) {
        const auto component = parse_component_map_pin(name);
        if (!component) {
            continue;
        }
        const std::string path = fmt::format("{}/{}", directory, name);
        auto fd = open_map_pin(path, true);
        if (!fd) {
            if (fd.error().code == ENOENT) {
                continue;
            }
            return explain_pin_error(std::move(fd).error(), path);
        }
        TALLY_ASSIGN_OR_RETURN(auto map, CounterMap::from_fd(std::move(*fd)));
        const std::uint32_t id = map.info().id;
        const auto* const end = meta.map_ids + meta.map_count;
        const auto* const found = std::find(meta.map_ids, end, id);
        if (found == end) {
            continue;
        }
        const auto position = static_cast<std::size_t>(found - meta.map_ids);
        Program program = {component->program_id, component->name, position, std::move(map), {}, {}, {}};
        if (find(id) == components_.end()) {
            TALLY_TRY(program.map.read(program.now));
            program.before = program.now;
            program.session = under_way ? program.now.total : Counters{};
        }
        opened.push_back(std::move(program));
    }
    return opened;
}

std::vector<ComponentCounters::Program>::iterator ComponentCounters::find(std::uint32_t map_id) {
    return std::find_if(components_.begin(), components_.end(),
                        [map_id](const Program& program) { return program.map.info().id == map_id; });
}

Result<void> ComponentCounters::read() {
    for (Program& program : components_) {
        // Into the older of the two: one that fails spoils nothing.
        TALLY_TRY(program.map.read(program.before));
        std::swap(program.before, program.now);
        for (std::size_t action = 0; action < program.session.size(); ++action) {
            add_to(program.session[action], growth(program.before.total[action], program.now.total[action]));
        }
    }
    return {};
}

void ComponentCounters::list_in(SampleReport& report) const {
    report.programs.clear();
    for (const Program& program : components_) {
        report.programs.push_back(identify(program.id, program.name));
    }
}

void ComponentCounters::fill(SampleReport& report) const {
    for (std::size_t i = 0; i < components_.size(); ++i) {
        const Program& program = components_[i];
        const double seconds = static_cast<double>(program.now.time - program.before.time) / 1e9;
        fill_program_values(report, report.programs[i], program.before.total, program.now.total,
                            report.period > 0 ? seconds : 0, program.session);
    }
}

}  // namespace tally::stats
