// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A directory of its own for a test, which is gone with everything in it at the end.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace tally {

class TemporaryDirectory {
  public:
    TemporaryDirectory() : path_(testing::TempDir() + "tally_XXXXXX") {
        EXPECT_NE(::mkdtemp(path_.data()), nullptr);
    }
    ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

}  // namespace tally
