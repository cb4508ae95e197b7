// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/packets/capture_file.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <pcap/pcap.h>
#include <unistd.h>

#include <array>

namespace tally::loader {
namespace {

// What is used of libpcap. It stays loaded until the process ends.
struct Pcap {
    decltype(&pcap_open_offline) open_offline = nullptr;
    decltype(&pcap_close) close = nullptr;
    decltype(&pcap_datalink) datalink = nullptr;
    decltype(&pcap_datalink_val_to_description) datalink_val_to_description = nullptr;
    decltype(&pcap_geterr) geterr = nullptr;
    decltype(&pcap_next_ex) next_ex = nullptr;
    decltype(&pcap_snapshot) snapshot = nullptr;
};

template <typename Function>
bool find(void* library, const char* name, Function& function) {
    // POSIX has dlsym return functions this way.
    function = reinterpret_cast<Function>(::dlsym(library, name));  // NOLINT(*-reinterpret-cast)
    return function != nullptr;
}

Result<Pcap> load_pcap() {
    Pcap pcap;
    void* const library = ::dlopen(TALLY_LIBPCAP, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr || !find(library, "pcap_open_offline", pcap.open_offline) ||
        !find(library, "pcap_close", pcap.close) || !find(library, "pcap_datalink", pcap.datalink) ||
        !find(library, "pcap_datalink_val_to_description", pcap.datalink_val_to_description) ||
        !find(library, "pcap_geterr", pcap.geterr) || !find(library, "pcap_next_ex", pcap.next_ex) ||
        !find(library, "pcap_snapshot", pcap.snapshot)) {
        const char* const reason = ::dlerror();
        return make_error(ErrorKind::kSystem, "loading libpcap, which reads capture files",
                          reason != nullptr ? reason : "not found")
            .with_hint("install libpcap (Debian: apt-get install libpcap0.8); --test-run COUNT needs none");
    }
    return pcap;
}

class Capture final : public PacketSource {
  public:
    struct Closer {
        decltype(&pcap_close) close;
        void operator()(pcap_t* capture) const { close(capture); }
    };
    using Handle = std::unique_ptr<pcap_t, Closer>;

    Capture(const Pcap& pcap, Handle capture, std::string path)
        : pcap_(pcap), capture_(std::move(capture)), path_(std::move(path)) {}

    Result<std::optional<Packet>> next() override {
        pcap_pkthdr* header = nullptr;
        const unsigned char* data = nullptr;
        switch (pcap_.next_ex(capture_.get(), &header, &data)) {
            case 1:
                truncated_ += header->caplen < header->len ? 1 : 0;
                return std::optional<Packet>(Packet(data, header->caplen));
            case PCAP_ERROR_BREAK:
                return std::optional<Packet>();
            default:
                return make_error(ErrorKind::kSystem, "reading packets from " + path_,
                                  pcap_.geterr(capture_.get()));
        }
    }
    std::size_t longest() const override { return static_cast<std::size_t>(pcap_.snapshot(capture_.get())); }
    std::uint64_t truncated() const override { return truncated_; }

  private:
    Pcap pcap_;
    Handle capture_;
    std::string path_;
    std::uint64_t truncated_ = 0;
};

}  // namespace

Result<std::unique_ptr<PacketSource>> open_capture(const std::string& path) {
    const std::string reading = "reading packets from " + path;
    if (::access(path.c_str(), R_OK) != 0) {
        return last_error(reading);
    }
    TALLY_ASSIGN_OR_RETURN(auto pcap, load_pcap());
    std::array<char, PCAP_ERRBUF_SIZE> reason = {};
    Capture::Handle capture(pcap.open_offline(path.c_str(), reason.data()), Capture::Closer{pcap.close});
    if (!capture) {
        return make_error(ErrorKind::kSystem, reading, reason.data())
            .with_hint(
                "--test-run takes a capture file (pcap or pcapng), or a number of packets to generate");
    }
    if (const int type = pcap.datalink(capture.get()); type != DLT_EN10MB) {
        const char* const name = pcap.datalink_val_to_description(type);
        return make_error(ErrorKind::kSystem, reading,
                          fmt::format("XDP programs see Ethernet frames; these packets are of link type {}",
                                      name != nullptr ? name : std::to_string(type)));
    }
    return std::unique_ptr<PacketSource>(std::make_unique<Capture>(pcap, std::move(capture), path));
}

}  // namespace tally::loader
