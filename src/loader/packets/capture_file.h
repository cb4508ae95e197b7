// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Packets of a capture file. libpcap reads it, and is loaded only then: the libraries that it brings along
// (D-Bus and systemd among them) would more than double what a start of xdp_loader costs
// (docs/performance.md).
#pragma once

#include <memory>
#include <string>

#include "common/base/result.h"
#include "loader/packets/packet_source.h"

namespace tally::loader {

// A pcap or pcapng file of Ethernet frames. kNotFound without such a file; kSystem where it is something
// else, or libpcap is not installed.
Result<std::unique_ptr<PacketSource>> open_capture(const std::string& path);

}  // namespace tally::loader
