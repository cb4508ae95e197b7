/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Reads a counter map as the reader of the xdp-project tutorial does (basic-solutions/xdp_stats.c of
 * xdp-tutorial): in every period it opens the pin anew, asks for the map's id, looks up one action after
 * the other, and adds up the CPUs. Ours to compare with: the calls are the tutorial's, the code is not.
 *
 *   tutorial-reader PIN SAMPLES MICROSECONDS	writes a line per action and sample
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <xdp_tally/abi.h>

static int sample(const char* path, unsigned int* id, struct xdp_tally_counter* values, int cpus) {
    struct bpf_map_info info = {0};
    __u32 size = sizeof(info);
    int map = bpf_obj_get(path);

    if (map < 0 || bpf_obj_get_info_by_fd(map, &info, &size) != 0)
        return -1;
    if (*id != info.id)
        printf("map %u\n", info.id);
    *id = info.id;
    for (__u32 action = 0; action < XDP_TALLY_ACTIONS; action++) {
        struct xdp_tally_counter sum = {0};

        if (bpf_map_lookup_elem(map, &action, values) != 0)
            return -1;
        for (int cpu = 0; cpu < cpus; cpu++) {
            sum.rx_packets += values[cpu].rx_packets;
            sum.rx_bytes += values[cpu].rx_bytes;
        }
        printf("%u %llu packets %llu bytes\n", action, sum.rx_packets, sum.rx_bytes);
    }
    return close(map);
}

int main(int argc, char** argv) {
    const int cpus = libbpf_num_possible_cpus();
    struct xdp_tally_counter* values = calloc(cpus > 0 ? (size_t)cpus : 1, sizeof(*values));
    unsigned int id = 0;

    if (argc != 4 || cpus <= 0 || !values) {
        fprintf(stderr, "usage: tutorial-reader PIN SAMPLES MICROSECONDS\n");
        return 2;
    }
    for (long left = atol(argv[2]); left > 0; left--) {
        const long microseconds = atol(argv[3]);
        const struct timespec pause = {microseconds / 1000000, microseconds % 1000000 * 1000};

        if (sample(argv[1], &id, values, cpus) != 0) {
            perror("tutorial-reader");
            return 1;
        }
        fflush(stdout);
        nanosleep(&pause, NULL);
    }
    free(values);
    return 0;
}
