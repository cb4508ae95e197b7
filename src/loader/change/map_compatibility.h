// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Whether a pinned map will do for a map that an object defines. Compared field by field, so that a refusal
// can name every difference.
#pragma once

#include <string>
#include <vector>

#include "loader/object/map_layout.h"

namespace tally::loader {

// One line per differing field, "what: pinned A, wanted B". Empty: the pinned map will do. Pure, but for the
// number of CPUs.
// Names at one offset are equal where they share one: a union of packets and rx_packets is rx_packets too.
std::vector<std::string> compare_layouts(const MapLayout& pinned, const MapLayout& wanted);

}  // namespace tally::loader
