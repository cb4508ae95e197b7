// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The metadata record of a new generation, as far as it does not depend on how counting comes about.
#pragma once

#include <optional>

#include "common/base/result.h"
#include "common/kernel/interface.h"
#include "common/pins/meta.h"

namespace tally::loader {

// Generation 1 of a new lineage, or the generation after `before`; of this interface in the current network
// namespace, as of now.
Result<Meta> begin_generation(const Interface& interface, const std::optional<Meta>& before);

}  // namespace tally::loader
