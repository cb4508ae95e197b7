// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Explains why a map could not be opened.
#pragma once

#include <string>

#include "common/base/error.h"

namespace tally::stats {

// Names the directory that the user may not enter, the mode of the pin, or the capability that an older
// kernel requires.
Error explain_pin_error(Error error, const std::string& pin);
Error explain_map_id_error(Error error);

}  // namespace tally::stats
