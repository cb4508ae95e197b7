// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// libbpf's and libxdp's own words: silent, unless -v asks for them; the last of them are kept for a
// diagnosis.
#pragma once

#include <string>

namespace tally {

// Sends the libraries' messages to stderr (verbose) or nowhere. Call once, before the first library call.
void route_library_log(bool verbose);
bool library_log_is_shown();

// Warnings in this thread since the last call, newest last, at most a few kilobytes. For messages that no
// return code holds.
std::string take_library_warnings();

// While it exists, this thread's messages are kept for take_library_warnings alone, also with -v: for a
// question whose answer is a refusal.
class QuietLibraryLog {
  public:
    QuietLibraryLog();
    ~QuietLibraryLog();
    QuietLibraryLog(const QuietLibraryLog&) = delete;
    QuietLibraryLog& operator=(const QuietLibraryLog&) = delete;
};

// The kernel's own words among them, where netlink gave any; else empty. Pure.
std::string find_kernel_message(const std::string& warnings);

}  // namespace tally
