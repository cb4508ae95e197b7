// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/packets/packet_source.h"

#include <array>
#include <charconv>

#include "loader/packets/capture_file.h"

namespace tally::loader {
namespace {

// UDP over IPv4 with correct checksums, from 192.0.2.1 to port 9 (discard) of 192.0.2.2, addresses for
// documentation (RFC 5737), between locally administered MAC addresses. The rest is zeros.
constexpr std::array<unsigned char, 64> kFrame = {
    2,    0, 0, 0,  0, 2,  2,    0,    0,  0,  0,    1,    0x08, 0x00,                      // Ethernet
    0x45, 0, 0, 50, 0, 0,  0,    0,    64, 17, 0xf6, 0xb7, 192,  0,    2, 1, 192, 0, 2, 2,  // IPv4
    0,    9, 0, 9,  0, 30, 0x7b, 0x9c,                                                      // UDP
};

class Repeated final : public PacketSource {
  public:
    explicit Repeated(std::uint64_t count) : left_(count) {}

    Result<std::optional<Packet>> next() override {
        if (left_ == 0) {
            return std::optional<Packet>();
        }
        --left_;
        return std::optional<Packet>(kFrame);
    }
    std::size_t longest() const override { return kFrame.size(); }

  private:
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
