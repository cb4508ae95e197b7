// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/shown_paths.h"

#include <mutex>
#include <utility>

namespace tally {
namespace {

struct ShownPath {
    std::mutex lock;
    std::string used;
    std::string shown;
};

ShownPath& shown_path() {
    static ShownPath path;
    return path;
}

}  // namespace

void show_path_as(std::string used, std::string shown) {
    ShownPath& path = shown_path();
    const std::scoped_lock lock(path.lock);
    path.used = std::move(used);
    path.shown = std::move(shown);
}

std::string as_shown(std::string text) {
    ShownPath& path = shown_path();
    const std::scoped_lock lock(path.lock);
    if (path.used.empty()) {
        return text;
    }
    for (auto at = text.find(path.used); at != std::string::npos;
         at = text.find(path.used, at + path.shown.size())) {
        text.replace(at, path.used.size(), path.shown);
    }
    return text;
}

}  // namespace tally
