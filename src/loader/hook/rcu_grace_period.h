// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#pragma once

namespace tally::loader {

// Waits until every CPU has left the programs that ran before: what was replaced counts no more then.
void wait_for_running_programs();

}  // namespace tally::loader
