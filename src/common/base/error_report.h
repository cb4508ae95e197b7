// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// How an Error reaches the person at the terminal; only main() and the loop under it print errors.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

#include "common/base/error.h"

namespace tally {

// "<program>: <what>: <reason>", then the details indented, then "hint: ..." where there is one, a line each.
// With --json one JSON object on a line: {"schema":1,"program":...,"error":{...}}.
std::string format_error(std::string_view program, const Error& error, bool json);
// The same on stderr.
void print_error(std::string_view program, const Error& error, bool json = false);

// A document on a line of its own. Names come from the kernel and from files: bytes that are no UTF-8 are
// replaced, not refused.
std::string json_line(const nlohmann::ordered_json& document);
nlohmann::ordered_json text_or_null(const std::string& text);

// The inner object: {"status":2,"kind":"usage","message":...,"details":...,"hint":...}, null for what is
// empty.
nlohmann::ordered_json error_to_json(const Error& error);

}  // namespace tally
