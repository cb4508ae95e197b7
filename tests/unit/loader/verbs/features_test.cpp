// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/features.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace tally::loader {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::uint64_t bits(std::initializer_list<XdpFeature> features) {
    std::uint64_t all = 0;
    for (const auto feature : features) {
        all |= static_cast<std::uint64_t>(feature);
    }
    return all;
}

DriverReport veth(const std::string& name, const std::string& netns = {}) {
    DriverReport report;
    report.dev = name;
    report.netns = netns;
    report.driver = "veth";
    report.mtu = 1500;
    report.max_mtu = 3506;
    report.features = DeviceFeatures{
        bits({XdpFeature::kNative, XdpFeature::kRedirect, XdpFeature::kFragments}),
        static_cast<std::uint64_t>(RxMetadata::kTimestamp) | static_cast<std::uint64_t>(RxMetadata::kVlanTag),
        0};
    return report;
}

DriverReport untold(const std::string& name) {
    DriverReport report;
    report.dev = name;
    report.mtu = 65536;
    return report;
}

DriverReport missing(const std::string& name) {
    DriverReport report;
    report.dev = name;
    report.error = make_error(ErrorKind::kNotFound, "looking for interface 'nope'", "there is none");
    return report;
}

TEST(Features, OfOneInterfaceAreAList) {
    EXPECT_EQ(format_drivers({veth("eth0", "red")}, true),
              "red/eth0: driver veth\n"
              "  native mode         yes      (runs programs itself)\n"
              "  redirects           yes      (with the verdict XDP_REDIRECT, too)\n"
              "  receives redirects  no       (sends what programs redirect to it (NDO_XMIT))\n"
              "  frags               yes      (runs programs for frames of several buffers (xdp.frags))\n"
              "  receives frags      no       (sends such frames, too)\n"
              "  zero-copy           no       (AF_XDP sockets without copying)\n"
              "  offload             no       (runs programs in the network card)\n"
              "  receive metadata    timestamp, VLAN tag\n"
              "  MTU                 1500, at most 3506\n");
}

TEST(Features, OfZeroCopyHaveTheNumberOfBuffers) {
    auto report = veth("eth0");
    report.features->xdp = bits({XdpFeature::kZeroCopy});
    report.features->zero_copy_segments = 18;
    report.features->rx_metadata = 0;
    const auto text = format_drivers({report}, true);
    EXPECT_THAT(text, HasSubstr("\n  zero-copy           yes "));
    EXPECT_THAT(text, HasSubstr("\n  zero-copy buffers   18       (of a frame, at most)\n"));
    EXPECT_THAT(text, HasSubstr("\n  receive metadata    no\n"));
}

TEST(Features, OfSeveralInterfacesAreATableInNaturalOrder) {
    EXPECT_EQ(
        format_drivers({veth("eth0", "red"), veth("eth10"), veth("eth2")}, true),
        "device    driver  native  redirects  receives  frags  zero-copy  offload  metadata             "
        "MTU\n"
        "eth2      veth    yes     yes        no        yes    no         no       timestamp,vlan_tag  "
        "1500\n"
        "eth10     veth    yes     yes        no        yes    no         no       timestamp,vlan_tag  "
        "1500\n"
        "red/eth0  veth    yes     yes        no        yes    no         no       timestamp,vlan_tag  "
        "1500\n");
}

TEST(Features, AreBelowTheirTitlesWhateverTheNamesAreMadeOf) {
    const auto table = format_drivers({veth("\xc3\xbcpl\xc3\xafnk"), veth("e0")}, true);
    EXPECT_THAT(table, StartsWith("device  driver  native "));
    EXPECT_THAT(table, HasSubstr("\n\xc3\xbcpl\xc3\xafnk  veth    yes "));
    EXPECT_THAT(table, HasSubstr("\ne0      veth    yes "));
}

TEST(Features, ThatTheKernelDoesNotTellAreUnknown) {
    const auto text = format_drivers({untold("lo")}, true);
    EXPECT_THAT(text, StartsWith("lo: no driver with a name\n  native mode         unknown  (runs "));
    EXPECT_THAT(text,
                HasSubstr("  receive metadata    unknown\n  MTU                 65536\nnote: the kernel "));
    EXPECT_THAT(text, Not(HasSubstr(" no  ")));
    EXPECT_THAT(format_drivers({untold("lo")}, false), Not(HasSubstr("note:")));
    const auto table = format_drivers({untold("lo"), veth("eth0")}, true);
    EXPECT_THAT(table,
                HasSubstr("\nlo      -       unknown  unknown    unknown   unknown  unknown    unknown  "
                          "unknown             65536\nnote: "));
}

// Linux 6.3 tells features, and of metadata nothing.
TEST(Features, AreToldWhileMetadataIsNot) {
    auto report = veth("eth0");
    report.features->rx_metadata.reset();
    const auto text = format_drivers({report}, true);
    EXPECT_THAT(text, HasSubstr("  native mode         yes "));
    EXPECT_THAT(text, HasSubstr("  receive metadata    unknown\n"));
    const auto json = nlohmann::json::parse(format_drivers_json({report}));
    EXPECT_EQ(json["devices"][0]["features"]["rx_metadata"], nullptr);
    EXPECT_EQ(json["devices"][0]["features"]["native"], true);
}

TEST(Features, ErrorsAreNotPartOfTheText) {
    EXPECT_EQ(format_drivers({missing("nope")}, true), "");
    EXPECT_EQ(format_drivers({}, true), "");
    // Two were asked for: what is left is a line of a table.
    EXPECT_THAT(format_drivers({missing("nope"), veth("eth0")}, true), StartsWith("device  driver"));
}

TEST(Features, AsJsonKeepTheirOrder) {
    const auto json =
        nlohmann::json::parse(format_drivers_json({veth("eth10", "red"), missing("nope"), untold("lo")}));
    EXPECT_EQ(json["schema"], 1);
    const auto& devices = json["devices"];
    ASSERT_EQ(devices.size(), 3U);
    EXPECT_EQ(devices[0], nlohmann::json::parse(R"({"dev":"eth10","netns":"red","outcome":"features",
        "dry_run":false,"driver":"veth","mtu":1500,"max_mtu":3506,"features":{"native":true,"redirect":true,
        "receives_redirects":false,"frags":true,"receives_frags":false,"zero_copy":false,"offload":false,
        "zero_copy_buffers":null,"rx_metadata":{"timestamp":true,"hash":false,"vlan_tag":true}}})"));
    EXPECT_EQ(devices[1]["outcome"], "failed");
    EXPECT_EQ(devices[1]["error"]["status"], 4);
    EXPECT_EQ(devices[2], nlohmann::json::parse(R"({"dev":"lo","netns":null,"outcome":"features",
        "dry_run":false,"driver":null,"mtu":65536,"max_mtu":null,"features":null})"));
}

}  // namespace
}  // namespace tally::loader
