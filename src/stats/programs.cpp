#include "stats/programs.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/bpffs.h"
#include "common/component_pins.h"
#include "stats/pin_error.h"

namespace tally::stats {

Result<void> Programs::take_up(const Meta& record, const std::string& directory, bool under_way) {
    std::vector<Program> known = std::exchange(programs_, {});
    const auto names = list_directory(directory);
    for (const auto& name : names ? *names : std::vector<std::string>()) {
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
        TALLY_TRY_ASSIGN(map, CounterMap::from_fd(std::move(*fd)));
        const std::uint32_t id = map.info().id;
        const auto* const end = record.map_ids + record.map_count;
        const auto* const place = std::find(record.map_ids, end, id);
        if (place == end) {
            continue;
        }
        const auto position = static_cast<std::size_t>(place - record.map_ids);
        const auto old = std::find_if(known.begin(), known.end(),
                                      [id](const Program& program) { return program.map.info().id == id; });
        if (old != known.end()) {
            programs_.push_back(std::move(*old));
            programs_.back().position = position;
            known.erase(old);
            continue;
        }
        Program program = {component->program_id, component->name, position, std::move(map), {}, {}, {}};
        TALLY_TRY(program.map.read(program.now));
        program.before = program.now;
        program.session = under_way ? program.now.total : Counters{};
        programs_.push_back(std::move(program));
    }
    std::sort(programs_.begin(), programs_.end(),
              [](const Program& a, const Program& b) { return a.position < b.position; });
    return {};
}

Result<void> Programs::read() {
    for (Program& program : programs_) {
        std::swap(program.before, program.now);
        TALLY_TRY(program.map.read(program.now));
        for (std::size_t action = 0; action < program.session.size(); ++action) {
            add_to(program.session[action], growth(program.before.total[action], program.now.total[action]));
        }
    }
    return {};
}

void Programs::list_in(Block& block) const {
    block.programs.clear();
    for (const Program& program : programs_) {
        block.programs.push_back(identify(program.id, program.name));
    }
}

void Programs::fill(Block& block) const {
    for (std::size_t i = 0; i < programs_.size(); ++i) {
        const Program& program = programs_[i];
        const double seconds = static_cast<double>(program.now.time - program.before.time) / 1e9;
        fill_program_figures(block, block.programs[i], program.before.total, program.now.total,
                             block.period > 0 ? seconds : 0, program.session);
    }
}

}  // namespace tally::stats
