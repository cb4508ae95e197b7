/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Wakes up and sleeps again, and does nothing else: the part of a sample that is the timer's and the
 * scheduler's.
 *
 *   wake TIMES MICROSECONDS
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char** argv) {
    const long pause = argc == 3 ? atol(argv[2]) : 0;
    const struct timespec time = {pause / 1000000, pause % 1000000 * 1000};

    if (argc != 3) {
        fprintf(stderr, "usage: wake TIMES MICROSECONDS\n");
        return 2;
    }
    for (long left = atol(argv[1]); left > 0; left--) {
        nanosleep(&time, NULL);
    }
    return 0;
}
