// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Why a map could not be opened, in words that help.
#pragma once

#include <string>

#include "common/base/error.h"

namespace tally::stats {

// Names the directory that keeps the user out, the mode of the pin, or the capability an older kernel wants.
Error explain_pin_error(Error error, const std::string& pin);
Error explain_map_id_error(Error error);

}  // namespace tally::stats
