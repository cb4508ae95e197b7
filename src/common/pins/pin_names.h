// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The names of pins and directories in bpffs, and what they stand for.
//
// <root>/<interface>/               pins of an interface of the initial network namespace
// <root>/netns:<name>/<interface>/  of one in a named namespace
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tally {

// In an interface's directory while a loader changes its pins; no pin can have this name.
inline constexpr const char* kStagingName = "+staging";
// The same while an observed interface is followed: the lock of the process that does.
inline constexpr const char* kFollowerName = "+follower";
// The same while a command runs under our program.
inline constexpr const char* kRunName = "+run";

// One of these directories, which are no pins.
inline bool is_reserved_directory(std::string_view name) {
    return name == kStagingName || name == kFollowerName || name == kRunName;
}

// A name as one bpffs path component: bpffs refuses names with a dot, so '.' becomes "%2E" (and '%' "%25",
// which makes it reversible for map names too; the kernel lets no interface name contain '%').
std::string encode_pin_name(std::string_view name);
std::string decode_pin_name(std::string_view component);

// The directory of a named namespace's interfaces below a bpffs root, and the name back from it.
std::string netns_directory_name(const std::string& netns);
std::optional<std::string> netns_of_directory_name(const std::string& component);
// The path of such a directory, in which this directory of an interface's pins is; empty: of the initial
// namespace's interfaces, which are in the root.
std::string namespace_directory_of(const std::string& directory);

// Pins of the programs that share an observed hook behind libxdp's dispatcher: each one's counters, which
// everybody may read, and the link that counts into them.
struct ComponentPin {
    std::uint32_t program_id = 0;
    std::string name;  // the program's; cut to the length of the name in a meta
};

// "component:<program id>:<name>" and "component_link:<program id>:<name>", as one path component.
std::string component_map_pin(std::uint32_t program_id, std::string_view name);
std::string component_link_pin(std::uint32_t program_id, std::string_view name);

// None for a pin of another kind.
std::optional<ComponentPin> parse_component_map_pin(std::string_view pin);
std::optional<ComponentPin> parse_component_link_pin(std::string_view pin);

}  // namespace tally
