// Asks the kernel which XDP program runs on one device, again and again, with two system calls each time.
// (libbpf's bpf_xdp_query opens a socket and lists all devices every time, and does not tell a device that is
// gone from one without a program.)
#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"
#include "common/unique_fd.h"
#include "common/xdp_hook.h"

namespace tally::stats {

class HookSocket {
  public:
    // In the network namespace of the calling thread, which it keeps looking at. Needs no capability.
    static Result<HookSocket> open();

    // kNotFound where there is no such device.
    Result<XdpHook> query(const std::string& interface);
    Result<XdpHook> query(std::uint32_t ifindex);

  private:
    explicit HookSocket(UniqueFd fd) : fd_(std::move(fd)) {}

    Result<XdpHook> ask(std::uint32_t ifindex, const std::string& interface);

    UniqueFd fd_;
    std::uint32_t sequence_ = 0;
};

}  // namespace tally::stats
