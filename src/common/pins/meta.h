// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The meta beside the counter map: which program counts into it (struct xdp_tally_meta of the ABI header).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <xdp_tally/abi.h>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/bpf/bpf_info.h"

namespace tally {

using Meta = xdp_tally_meta;

// kNotFound without a pin at `path`; kConflict where it is no meta that this version understands.
Result<Meta> read_meta(const std::string& path);
Result<Meta> read_meta(int fd);

// That in a pin directory; none where there is none that this process may read and understands.
Result<std::optional<Meta>> find_meta(const std::string& directory);
// The same; none where the directory belongs to somebody else (check_trusted): in a bpffs that all may write
// to, anyone can lay a meta out.
Result<std::optional<Meta>> find_trusted_meta(const std::string& directory, const std::string& root);
bool same_generation(const Meta& a, const Meta& b);
// There may be one in the pin directory, which this process may not read.
bool meta_is_hidden(const std::string& directory);

// The meta in a map's value, which may be longer (a newer writer's) or shorter (an older one's); its names
// are terminated. kConflict where it is no meta that this version understands. Pure.
Result<Meta> decode_meta(std::span<const unsigned char> value);

// EPERM once the map is frozen.
Result<void> write_meta(int fd, const Meta& meta);

// True where `map_id` is one of the maps that the load of this meta pinned.
bool owns_map(const Meta& meta, std::uint32_t map_id);
// The same of a pin in the interface's directory: under another name than the map's own, somebody else has
// pinned the map once more.
bool owns_pin(const Meta& meta, const std::string& pin, const MapInfo& map);
// True where the load has taken it as it found it: its pin is somebody else's.
bool adopted_map(const Meta& meta, std::uint32_t map_id);

// What a load of the same program takes besides the interface, with a blank in front: " --action drop" of the
// built-in one. FILE and IFACE are left to the user, who knows them.
std::string load_options(const Meta& meta);

}  // namespace tally
