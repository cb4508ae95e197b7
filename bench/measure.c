/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Runs a command and writes what it took into a file: nanoseconds of wall clock time, microseconds of user
 * and of system time, and its largest resident set in KiB. Small, because a process begins with the memory
 * of who starts it.
 *
 *   measure FILE COMMAND...		exit status: the command's
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long nanoseconds(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long microseconds(struct timeval time) {
    return time.tv_sec * 1000000LL + time.tv_usec;
}

int main(int argc, char** argv) {
    struct rusage usage;
    long long start;
    FILE* file;
    pid_t child;
    int status;

    if (argc < 3) {
        fprintf(stderr, "usage: measure FILE COMMAND...\n");
        return 2;
    }
    start = nanoseconds();
    child = vfork();
    if (child == 0) {
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        perror("measure");
        return 125;
    }
    file = fopen(argv[1], "w");
    if (!file ||
        fprintf(file, "%lld %lld %lld %ld\n", nanoseconds() - start, microseconds(usage.ru_utime),
                microseconds(usage.ru_stime), usage.ru_maxrss) < 0 ||
        fclose(file) != 0) {
        perror(argv[1]);
        return 125;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
