// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/packets/packet_source.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

#include <array>
#include <charconv>
#include <cstring>

#include "loader/packets/capture_file.h"

namespace tally::loader {
namespace {

constexpr std::size_t kFrame = 64;

std::uint16_t checksum(const unsigned char* data, std::size_t size, std::uint32_t sum = 0) {
    for (std::size_t i = 0; i < size; i += 2) {
        sum += static_cast<std::uint32_t>(data[i] << 8U) + (i + 1 < size ? data[i + 1] : 0U);
    }
    while (sum > 0xffff) {
        sum = (sum & 0xffffU) + (sum >> 16U);
    }
    return htons(static_cast<std::uint16_t>(~sum));
}

std::array<unsigned char, kFrame> make_frame() {
    constexpr std::uint16_t kDiscard = 9;
    constexpr std::size_t kIp = sizeof(ether_header);
    constexpr std::size_t kUdp = kIp + sizeof(iphdr);
    std::array<unsigned char, kFrame> frame = {};
    // Locally administered addresses; the rest of the frame is the packet's zeros.
    const ether_header ethernet = {{2, 0, 0, 0, 0, 2}, {2, 0, 0, 0, 0, 1}, htons(ETHERTYPE_IP)};
    udphdr udp = {};
    udp.source = htons(kDiscard);
    udp.dest = htons(kDiscard);
    udp.len = htons(kFrame - kUdp);
    iphdr ip = {};
    ip.version = 4;
    ip.ihl = sizeof(ip) / 4;
    ip.tot_len = htons(kFrame - kIp);
    ip.ttl = 64;
    ip.protocol = IPPROTO_UDP;
    ip.saddr = htonl(0xc0000201);  // 192.0.2.1 and 192.0.2.2: RFC 5737, for documentation
    ip.daddr = htonl(0xc0000202);
    std::memcpy(frame.data(), &ethernet, sizeof(ethernet));
    std::memcpy(frame.data() + kIp, &ip, sizeof(ip));
    ip.check = checksum(frame.data() + kIp, sizeof(ip));
    std::memcpy(frame.data() + kIp, &ip, sizeof(ip));
    std::memcpy(frame.data() + kUdp, &udp, sizeof(udp));
    // The pseudo header: both addresses, the protocol, the length.
    std::uint32_t pseudo = IPPROTO_UDP + kFrame - kUdp;
    for (const std::uint32_t address : {ntohl(ip.saddr), ntohl(ip.daddr)}) {
        pseudo += (address >> 16U) + (address & 0xffffU);
    }
    udp.check = checksum(frame.data() + kUdp, kFrame - kUdp, pseudo);
    std::memcpy(frame.data() + kUdp, &udp, sizeof(udp));
    return frame;
}

class Repeated final : public PacketSource {
  public:
    explicit Repeated(std::uint64_t count) : frame_(make_frame()), left_(count) {}

    Result<std::optional<Packet>> next() override {
        if (left_ == 0) {
            return std::optional<Packet>();
        }
        --left_;
        return std::optional<Packet>(frame_);
    }
    std::size_t longest() const override { return kFrame; }

  private:
    std::array<unsigned char, kFrame> frame_;
    std::uint64_t left_;
};

}  // namespace

Result<std::unique_ptr<PacketSource>> open_packets(const std::string& what) {
    std::uint64_t count = 0;
    const auto [end, code] = std::from_chars(what.data(), what.data() + what.size(), count);
    if (code == std::errc() && end == what.data() + what.size()) {
        return std::unique_ptr<PacketSource>(std::make_unique<Repeated>(count));
    }
    if (code == std::errc::result_out_of_range && end == what.data() + what.size()) {
        return make_error(ErrorKind::kUsage, "--test-run " + what, "expected a number of at most 2^64 - 1");
    }
    return open_capture(what);
}

}  // namespace tally::loader
