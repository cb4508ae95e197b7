// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Packets to try a program on: from a capture file, or a number of equal ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "common/base/result.h"

namespace tally::loader {

class PacketSource {
  public:
    using Packet = std::span<const unsigned char>;

    PacketSource() = default;
    PacketSource(const PacketSource&) = delete;
    PacketSource& operator=(const PacketSource&) = delete;
    virtual ~PacketSource() = default;

    // Valid until the next call; none at the end. kSystem for a capture file that ends within a packet.
    virtual Result<std::optional<Packet>> next() = 0;
    // Bytes of the longest packet there can be.
    virtual std::size_t longest() const = 0;
    // How many of the packets so far are only the beginning of what was on the wire.
    virtual std::uint64_t truncated() const { return 0; }
};

// `what` in digits: that many UDP packets over IPv4 of 64 bytes, checksums correct, to port 9 (discard) of
// 192.0.2.2. Anything else: the path of a pcap or pcapng file of Ethernet frames. kNotFound without such a
// file; kSystem where it is something else; kUsage for a number over 2^64 - 1.
Result<std::unique_ptr<PacketSource>> open_packets(const std::string& what);

}  // namespace tally::loader
