// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Whether a program that pins speak of still exists.
#pragma once

namespace tally {

enum class ProgramLife {
    kNotKnown,  // asking takes CAP_SYS_ADMIN
    kGone,      // there is no program of this id any more
    kAlive,     // there is: attached somewhere, or kept by somebody's pin or descriptor
};

}  // namespace tally
