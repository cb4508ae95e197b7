// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Fuzzed bytes as a command line: one argument a line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/options/early_exit.h"

#include "property.h"

namespace tally {

class CommandLine {
  public:
    CommandLine(const char* program, const std::uint8_t* data, std::size_t size) : words_{program} {
        std::string word;
        for (std::size_t i = 0; i < size; ++i) {
            if (data[i] == '\n' || data[i] == '\0') {
                words_.push_back(std::move(word));
                word.clear();
            } else {
                word += static_cast<char>(data[i]);
            }
        }
        if (!word.empty()) {
            words_.push_back(std::move(word));
        }
        for (const auto& each : words_) {
            arguments_.push_back(each.c_str());
        }
        arguments_.push_back(nullptr);
    }

    int count() const { return static_cast<int>(words_.size()); }
    const char* const* arguments() const { return arguments_.data(); }

  private:
    std::vector<std::string> words_;
    std::vector<const char*> arguments_;
};

// A run that ends before it began says why: help and version with status 0, everything else is a usage error.
inline void check_early_exit(const EarlyExit& exit, const std::string& program) {
    REQUIRE(exit.status == 0 || exit.status == 2);
    REQUIRE(!exit.message.empty());
    if (exit.status == 2 && exit.message.starts_with('{')) {  // --json was among the words
        REQUIRE(exit.message.find('\n') == exit.message.size() - 1);
        REQUIRE(exit.message.find("\"program\":\"" + program + "\",\"error\":{\"status\":2,") !=
                std::string::npos);
    } else if (exit.status == 2) {
        REQUIRE(exit.message.starts_with(program + ": "));
        REQUIRE(exit.message.find("\nhint: ") != std::string::npos);
        REQUIRE(exit.message.ends_with('\n'));
    }
}

}  // namespace tally
