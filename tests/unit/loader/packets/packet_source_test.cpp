// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/packets/packet_source.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace tally::loader {
namespace {

using testing::HasSubstr;

std::unique_ptr<PacketSource> opened(const std::string& what) {
    auto source = open_packets(what);
    if (!source) {
        ADD_FAILURE() << source.error().message();
        return nullptr;
    }
    return std::move(*source);
}

std::vector<std::vector<unsigned char>> all_of(PacketSource& source) {
    std::vector<std::vector<unsigned char>> packets;
    for (;;) {
        const auto packet = source.next();
        if (!packet) {
            ADD_FAILURE() << packet.error().message();
            return packets;
        }
        if (!*packet) {
            return packets;
        }
        packets.emplace_back((*packet)->begin(), (*packet)->end());
    }
}

unsigned int word(const std::vector<unsigned char>& octets, std::size_t at) {
    return octets.at(at) * 256U + octets.at(at + 1);
}

// RFC 1071 as a receiver applies it: data and checksum together give all ones.
unsigned int ones_complement_sum(const std::vector<unsigned char>& octets, std::size_t begin, std::size_t end,
                                 unsigned int sum = 0) {
    for (std::size_t at = begin; at < end; at += 2) {
        sum += word(octets, at);
        sum = sum % 0x10000U + sum / 0x10000U;
    }
    return sum;
}

// A file that is gone with the test.
class File {
  public:
    explicit File(const std::string& octets)
        : path_(testing::TempDir() + "packet_source_test." + std::to_string(::getpid())) {
        std::ofstream(path_, std::ios::binary) << octets;
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() { std::filesystem::remove(path_); }

    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

std::string number(std::uint64_t value, unsigned int size) {
    std::string octets;
    for (unsigned int i = 0; i < size; ++i) {
        octets += static_cast<char>(value >> (8 * i) & 0xffU);
    }
    return octets;
}

std::string pcap_header(unsigned int link_type) {
    return number(0xa1b2c3d4, 4) + number(2, 2) + number(4, 2) + number(0, 8) + number(65535, 4) +
           number(link_type, 4);
}

std::string pcap_packet(const std::string& data) {
    const auto size = static_cast<unsigned int>(data.size());
    return number(0, 8) + number(size, 4) + number(size, 4) + data;
}

TEST(PacketSource, GivesAsManyPacketsAsAskedFor) {
    for (const std::size_t count : {0U, 1U, 7U}) {
        const auto source = opened(std::to_string(count));
        EXPECT_EQ(all_of(*source).size(), count);
        EXPECT_EQ(source->longest(), 64U);
    }
}

TEST(PacketSource, MadeUpPacketIsUdpToDiscardOnADocumentationAddress) {
    const auto frame = all_of(*opened("1")).at(0);
    ASSERT_EQ(frame.size(), 64U);
    EXPECT_EQ(frame[0] & 0x03U, 0x02U) << "the destination is a local unicast address";
    EXPECT_EQ(frame[6] & 0x03U, 0x02U) << "and so is the source";
    EXPECT_EQ(word(frame, 12), 0x0800U) << "IPv4";
    EXPECT_EQ(frame[14], 0x45U) << "version 4, no options";
    EXPECT_EQ(word(frame, 16), 64U - 14U) << "total length";
    EXPECT_EQ(word(frame, 20), 0U) << "no fragment";
    EXPECT_GT(frame[22], 0U) << "time to live";
    EXPECT_EQ(frame[23], 17U) << "UDP";
    EXPECT_THAT(std::vector(frame.begin() + 26, frame.begin() + 34),
                testing::ElementsAre(192, 0, 2, 1, 192, 0, 2, 2));
    EXPECT_EQ(word(frame, 36), 9U) << "discard";
    EXPECT_EQ(word(frame, 38), 64U - 14U - 20U) << "UDP's length";
}

TEST(PacketSource, ChecksumsOfTheMadeUpPacketAreRight) {
    const auto frame = all_of(*opened("1")).at(0);
    EXPECT_EQ(ones_complement_sum(frame, 14, 34), 0xffffU);
    const unsigned int pseudo_header =
        ones_complement_sum(frame, 26, 34, frame.at(23) + word(frame, 38));  // addresses, protocol, length
    EXPECT_EQ(ones_complement_sum(frame, 34, 64, pseudo_header), 0xffffU);
    EXPECT_NE(word(frame, 40), 0U) << "0 would mean: none";
}

TEST(PacketSource, EveryMadeUpPacketIsTheSame) {
    const auto frames = all_of(*opened("3"));
    EXPECT_EQ(frames.at(0), frames.at(1));
    EXPECT_EQ(frames.at(0), frames.at(2));
}

TEST(PacketSource, ReadsACaptureToItsEnd) {
    const File file(pcap_header(1) + pcap_packet(std::string(60, 'a')) + pcap_packet(std::string(14, 'b')));
    const auto packets = all_of(*opened(file.path()));
    ASSERT_EQ(packets.size(), 2U);
    EXPECT_EQ(packets[0], std::vector<unsigned char>(60, 'a'));
    EXPECT_EQ(packets[1], std::vector<unsigned char>(14, 'b'));
}

TEST(PacketSource, NoPacketIsLongerThanItSays) {
    const File file(pcap_header(1) + pcap_packet(std::string(9000, 'a')));
    const auto source = opened(file.path());
    EXPECT_GE(source->longest(), 9000U);
}

TEST(PacketSource, CaptureThatEndsWithinAPacketIsAnError) {
    const std::string whole = pcap_header(1) + pcap_packet(std::string(60, 'a'));
    const File file(whole.substr(0, whole.size() - 1));
    const auto source = opened(file.path());
    const auto packet = source->next();
    ASSERT_FALSE(packet);
    EXPECT_EQ(packet.error().kind, ErrorKind::kSystem);
    EXPECT_THAT(packet.error().message(), HasSubstr(file.path()));
}

TEST(PacketSource, OnlyEthernetWillDo) {
    constexpr unsigned int kRawIp = 101;
    const File file(pcap_header(kRawIp));
    const auto source = open_packets(file.path());
    ASSERT_FALSE(source);
    EXPECT_EQ(source.error().kind, ErrorKind::kSystem);
    EXPECT_THAT(source.error().message(), HasSubstr("Ethernet"));
}

TEST(PacketSource, WhatIsNoCaptureIsRefusedWithAHint) {
    const File file("no capture at all, but long enough for a header\n");
    const auto source = open_packets(file.path());
    ASSERT_FALSE(source);
    EXPECT_EQ(source.error().kind, ErrorKind::kSystem);
    EXPECT_THAT(source.error().hint, HasSubstr("pcap"));
}

TEST(PacketSource, FileThatIsNotThereIsNotFound) {
    const auto source = open_packets("/nowhere/trace.pcap");
    ASSERT_FALSE(source);
    EXPECT_EQ(source.error().kind, ErrorKind::kNotFound);
}

TEST(PacketSource, CountThatDoesNotFitIsNeverCutDown) {
    EXPECT_FALSE(open_packets("18446744073709551616"));
    EXPECT_FALSE(open_packets("-1"));
    EXPECT_FALSE(open_packets(""));
}

}  // namespace
}  // namespace tally::loader
