// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The verifier's log: room for all of it, what in it decides, and as much of it as a person wants to see.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tally::loader {

// Room for the log of one load. Kernels before 6.4 keep the head of a log that does not fit, and those before
// and after make ENOSPC of the true error: it is as large as the kernel takes, or half of the memory that is
// available. What is not written takes no memory.
class VerifierLog {
  public:
    VerifierLog();
    ~VerifierLog();
    VerifierLog(const VerifierLog&) = delete;
    VerifierLog& operator=(const VerifierLog&) = delete;

    // Zero-terminated; none and 0 where there is no memory at all.
    char* data() { return data_; }
    std::size_t size() const { return size_; }
    std::string_view text() const { return data_ != nullptr ? std::string_view(data_) : std::string_view(); }

  private:
    char* data_ = nullptr;
    std::size_t size_ = 0;
};

std::string last_lines(std::string_view text, std::size_t count);

// Of libbpf, without its prefix; empty where there is none.
std::string last_warning(std::string_view warnings);

// Why, in the verifier's words: what it says after the last instruction it walked. Empty where it says
// nothing. Pure.
std::string verifier_reason(std::string_view log);

// The last lines, the source line they belong to, and how many are left out. Pure.
std::string shorten_log(std::string_view log);

// Whether it has its end, a sum of what was walked. Pure.
bool is_complete(std::string_view log);

}  // namespace tally::loader
