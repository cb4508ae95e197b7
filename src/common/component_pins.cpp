#include "common/component_pins.h"

#include <charconv>

#include "common/meta.h"
#include "common/names.h"

namespace tally {
namespace {

constexpr std::string_view kMap = "component:";
constexpr std::string_view kLink = "component_link:";

std::string make_pin(std::string_view kind, std::uint32_t program_id, std::string_view name) {
    constexpr std::size_t kLongest = sizeof(Meta::program) - 1;
    return std::string(kind) + std::to_string(program_id) + ':' + encode_pin_name(name.substr(0, kLongest));
}

std::optional<ComponentPin> parse_pin(std::string_view kind, std::string_view pin) {
    if (!pin.starts_with(kind)) {
        return std::nullopt;
    }
    pin.remove_prefix(kind.size());
    const auto colon = pin.find(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    ComponentPin component;
    const auto [end, code] = std::from_chars(pin.data(), pin.data() + colon, component.program_id);
    if (code != std::errc() || end != pin.data() + colon) {
        return std::nullopt;
    }
    component.name = decode_pin_name(pin.substr(colon + 1));
    return component;
}

}  // namespace

std::string component_map_pin(std::uint32_t program_id, std::string_view name) {
    return make_pin(kMap, program_id, name);
}

std::string component_link_pin(std::uint32_t program_id, std::string_view name) {
    return make_pin(kLink, program_id, name);
}

std::optional<ComponentPin> parse_component_map_pin(std::string_view pin) {
    return parse_pin(kMap, pin);
}

std::optional<ComponentPin> parse_component_link_pin(std::string_view pin) {
    return parse_pin(kLink, pin);
}

}  // namespace tally
