#include "common/place.h"

#include <gmock/gmock.h>

namespace tally {
namespace {

Place place_of(const std::string& netns) {
    Place place;
    place.bpffs.path = "/sys/fs/bpf";
    place.netns = netns;
    return place;
}

TEST(Place, AnInterfaceHasADirectoryOfItsOwn) {
    EXPECT_EQ(place_of("").directory("eth0.100"), "/sys/fs/bpf/eth0%2E100");
    EXPECT_EQ(place_of("red").directory("eth0"), "/sys/fs/bpf/netns:red/eth0");
    EXPECT_EQ(place_of("red.1").directory("eth0"), "/sys/fs/bpf/netns:red%2E1/eth0");
}

TEST(Place, NoInterfaceCanHaveTheNameOfANamespacesDirectory) {
    EXPECT_FALSE(check_interface_name(netns_directory_name("red")));
}

TEST(Place, NamesOfNamespacesComeBackFromTheirDirectories) {
    for (const std::string netns : {"red", "red.1", "50%", "a:b"}) {
        EXPECT_EQ(netns_of_directory_name(netns_directory_name(netns)), netns);
    }
    for (const char* component : {"eth0", "netns", "netns:", "netns:%2E", "netns:%2E%2E", "xnetns:red"}) {
        EXPECT_FALSE(netns_of_directory_name(component)) << component;
    }
}

TEST(Place, TheNextCommandNamesWhatTheUserHasNamed) {
    Place place = place_of("4026532321");  // as bpffs calls it: no command can
    EXPECT_EQ(place.option("eth0"), "--dev eth0");
    place.netns_option = "/proc/17/ns/net";
    EXPECT_EQ(place.option("eth0"), "--netns /proc/17/ns/net --dev eth0");
    place.bpffs_option = "/mnt/bpf";
    EXPECT_EQ(place.option("eth0"), "--bpffs /mnt/bpf --netns /proc/17/ns/net --dev eth0");
}

TEST(Place, APathThatLeadsNowhereIsNotFoundButANameIsAPlaceThatIsGone) {
    EXPECT_EQ(go_to_place("/no/such/file", "/sys/fs/bpf").error().kind, ErrorKind::kNotFound);
    const auto place = go_to_place("no-such-namespace", "/sys/fs/bpf");
    ASSERT_TRUE(place) << place.error().message();
    EXPECT_EQ(place->sight, Place::Sight::kGone);
    ASSERT_TRUE(place->obstacle);
    EXPECT_EQ(place->obstacle->kind, ErrorKind::kNotFound);
    const auto found = place->find("lo");
    ASSERT_TRUE(found);
    EXPECT_FALSE(*found);
    EXPECT_EQ(place->find("a/b").error().kind, ErrorKind::kUsage);
}

}  // namespace
}  // namespace tally
