// Pins of the programs that share an observed hook behind libxdp's dispatcher: each one's counters, which
// everybody may read, and the link that feeds them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tally {

struct ComponentPin {
    std::uint32_t program_id = 0;
    std::string name;  // the program's; cut where it is longer than a record's name would be
};

// "component:<program id>:<name>" and "component_link:<program id>:<name>", as one path component.
std::string component_map_pin(std::uint32_t program_id, std::string_view name);
std::string component_link_pin(std::uint32_t program_id, std::string_view name);

// None for a pin of another kind.
std::optional<ComponentPin> parse_component_map_pin(std::string_view pin);
std::optional<ComponentPin> parse_component_link_pin(std::string_view pin);

}  // namespace tally
