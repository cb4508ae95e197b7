// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Sends Ethernet frames and prints how many the device took: the number that a counter has to show.

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::string_view kUsage =
    "usage: send-frames IFACE COUNT SIZE [--dst MAC] [--pause-us N] [--until-signal]\n"
    "\n"
    "Sends COUNT Ethernet frames of SIZE bytes (header included, no FCS) out of IFACE and prints the number\n"
    "that the device accepted, also when SIGINT or SIGTERM ends it early.\n"
    "\n"
    "  --dst MAC        destination address (default: broadcast)\n"
    "  --pause-us N     pause after every 64 frames\n"
    "  --until-signal   go on after COUNT frames until a signal ends it\n";

constexpr int kRefused = 1;
constexpr int kUsageError = 2;
constexpr int kPermission = 3;
constexpr int kNotFound = 4;

constexpr std::size_t kHeaderLength = 14;
constexpr std::uint16_t kEtherType = 0x88b5;  // IEEE 802 local experimental: no protocol answers it
constexpr std::uint64_t kPauseEvery = 64;

using Mac = std::array<std::uint8_t, 6>;

struct Options {
    std::string interface;
    std::uint64_t count = 0;
    std::size_t size = 0;
    Mac destination{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    std::uint64_t pause_us = 0;
    bool until_signal = false;
};

volatile std::sig_atomic_t stop_requested = 0;

extern "C" void request_stop(int /*signal*/) {
    stop_requested = 1;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

std::optional<Mac> parse_mac(std::string_view text) {
    Mac mac{};
    if (text.size() != mac.size() * 3 - 1) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < mac.size(); ++i) {
        const char* digits = text.data() + i * 3;
        const auto [end, error] = std::from_chars(digits, digits + 2, mac.at(i), 16);
        if (error != std::errc{} || end != digits + 2 || (i + 1 < mac.size() && *end != ':')) {
            return std::nullopt;
        }
    }
    return mac;
}

std::optional<Options> parse_options(const std::vector<std::string_view>& args) {
    Options options;
    std::vector<std::string_view> positional;
    for (std::size_t i = 0; i < args.size(); ++i) {
        const bool has_value = i + 1 < args.size();
        if (args[i] == "--until-signal") {
            options.until_signal = true;
        } else if (args[i] == "--dst" && has_value) {
            const auto mac = parse_mac(args[++i]);
            if (!mac) {
                return std::nullopt;
            }
            options.destination = *mac;
        } else if (args[i] == "--pause-us" && has_value) {
            const auto pause = parse_number(args[++i]);
            if (!pause) {
                return std::nullopt;
            }
            options.pause_us = *pause;
        } else if (args[i].starts_with("-")) {
            return std::nullopt;
        } else {
            positional.push_back(args[i]);
        }
    }
    if (positional.size() != 3) {
        return std::nullopt;
    }
    const auto count = parse_number(positional[1]);
    const auto size = parse_number(positional[2]);
    if (!count || !size || *size < kHeaderLength || *size > UINT16_MAX) {
        return std::nullopt;
    }
    options.interface = positional[0];
    options.count = *count;
    options.size = *size;
    return options;
}

int fail(const Options& options, const char* doing, int error) {
    std::fprintf(stderr, "send-frames: %s %s: %s\n", doing, options.interface.c_str(), std::strerror(error));
    switch (error) {
        case EPERM:
        case EACCES:
            return kPermission;
        case ENODEV:
        case ENXIO:
            return kNotFound;
        default:
            return kRefused;
    }
}

std::vector<std::uint8_t> make_frame(const Options& options, const Mac& source) {
    std::vector<std::uint8_t> frame(options.size, 0);
    auto at = std::copy(options.destination.begin(), options.destination.end(), frame.begin());
    at = std::copy(source.begin(), source.end(), at);
    *at++ = kEtherType >> 8;
    *at = kEtherType & 0xff;
    return frame;
}

void pause_for(std::uint64_t microseconds) {
    const timespec pause{static_cast<time_t>(microseconds / 1'000'000),
                         static_cast<long>(microseconds % 1'000'000) * 1'000};
    nanosleep(&pause, nullptr);
}

// Returns 0 or the errno that ended it; `sent` is right in both cases.
int send_all(int fd, const Options& options, const std::vector<std::uint8_t>& frame, std::uint64_t& sent) {
    while (stop_requested == 0 && (options.until_signal || sent < options.count)) {
        if (send(fd, frame.data(), frame.size(), 0) < 0) {
            // A full ring: the frame was dropped before any counter could see it.
            if (errno == ENOBUFS) {
                sched_yield();
            } else if (errno != EINTR) {
                return errno;
            }
            continue;
        }
        ++sent;
        if (options.pause_us != 0 && sent % kPauseEvery == 0) {
            pause_for(options.pause_us);
        }
    }
    return 0;
}

int run(const Options& options) {
    if (options.interface.empty() || options.interface.size() >= IFNAMSIZ) {
        return fail(options, "finding", ENODEV);
    }
    // Protocol 0: this socket never receives, so no copy of any frame waits in it.
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return fail(options, "opening a packet socket for", errno);
    }
    ifreq request{};
    options.interface.copy(request.ifr_name, IFNAMSIZ - 1);
    if (ioctl(fd, SIOCGIFHWADDR, &request) != 0) {
        return fail(options, "finding", errno);
    }
    if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER && request.ifr_hwaddr.sa_family != ARPHRD_LOOPBACK) {
        return fail(options, "sending Ethernet frames on", EOPNOTSUPP);
    }
    Mac source{};
    std::memcpy(source.data(), request.ifr_hwaddr.sa_data, source.size());

    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(kEtherType);
    address.sll_ifindex = static_cast<int>(if_nametoindex(options.interface.c_str()));
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return fail(options, "binding to", errno);
    }

    std::uint64_t sent = 0;
    const int error = send_all(fd, options, make_frame(options, source), sent);
    close(fd);
    std::printf("%llu\n", static_cast<unsigned long long>(sent));
    std::fflush(stdout);
    return error == 0 ? 0 : fail(options, "sending on", error);
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string_view> args(argv + 1, argv + argc);
    if (std::find(args.begin(), args.end(), "--help") != args.end()) {
        std::fwrite(kUsage.data(), 1, kUsage.size(), stdout);
        return 0;
    }
    const auto options = parse_options(args);
    if (!options) {
        std::fwrite(kUsage.data(), 1, kUsage.size(), stderr);
        return kUsageError;
    }
    struct sigaction action = {};
    action.sa_handler = request_stop;  // no SA_RESTART: a blocked send() must return
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    return run(*options);
}
