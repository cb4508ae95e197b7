// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// xdp_loader --list-programs: what is in an object file.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "loader/object/function_choice.h"

namespace tally::loader {

struct ProgramList {
    std::vector<Function> functions;    // in the order of the file
    std::optional<std::size_t> chosen;  // the default; none where several might be meant
    std::string reason;                 // why it is the default
};

// kNotFound and kSystem as ProgramObject::open_file; kNotFound where it has no function.
Result<ProgramList> list_programs(const std::string& path);

// A table for people; one JSON object.
std::string format_programs(const ProgramList& list);
std::string format_programs_json(const ProgramList& list);

}  // namespace tally::loader
