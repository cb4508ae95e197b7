// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A file that always holds one whole round, as node_exporter's textfile collector wants it.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "common/base/result.h"

namespace tally::stats {

class OutputFile {
  public:
    // Nothing is created yet. kUsage where something else than a file has the name: a device must not be
    // renamed away. A symbolic link stays, and its target is replaced.
    static Result<OutputFile> at(const std::string& path);

    // Replaces the file by renaming another one, which is made in its directory with a name that begins with
    // a dot and does not end in ".prom": who opens the file gets the old text or the new. It keeps its mode
    // and, as far as this user may give it away, its owner; a new one's mode is what the umask leaves of
    // 0666.
    Result<void> write(std::string_view text) const;

  private:
    explicit OutputFile(std::string path) : path_(std::move(path)) {}

    std::string path_;
};

}  // namespace tally::stats
