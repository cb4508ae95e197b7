// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Options of one program that are typed to the other.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/options/option_hints.h"

namespace tally {

// Every name of an option that the other program has, and this one has not.
inline std::vector<std::string> names_of_the_other(std::span<const OptionRow> other,
                                                   std::span<const OptionRow> own) {
    std::vector<std::string> names;
    for (const auto& row : other) {
        for (const std::string_view name : {row.short_name, row.name, row.alias}) {
            if (!name.empty() && find_named(own, name) == nullptr) {
                names.emplace_back(name);
            }
        }
    }
    return names;
}

}  // namespace tally
