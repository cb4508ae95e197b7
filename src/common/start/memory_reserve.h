// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Memory that is set aside before anything else: who runs out of it can still undo what was begun, and say
// so.
//
// At first there is nothing to undo: where operator new fails it takes the reserve, and where that is gone
// the process ends, with a word and status 1. Exceptions would be of no use there: nobody catches those of
// objects that are made ahead of main(), and CLI11 takes options in functions that may not throw.
#pragma once

namespace tally {

// From now on operator new gives it free and throws. So does this where there is none any more.
void throw_when_out_of_memory();
// Gives it free, once. Where malloc fails in C code nobody does: before what has to be undone then.
void release_memory_reserve();

}  // namespace tally
