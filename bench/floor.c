/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the kernel alone needs: the fewest system calls that attach an XDP program with a counter map,
 * replace both, and detach them. No library, and no look at what is there already. The program counts
 * nothing: it has two instructions.
 *
 *   floor load|reload|exact-reload|unload DIR DEV...
 *
 * The link and the map are pinned in DIR-DEV, in bpffs. Several devices come one after the other. An exact
 * reload waits until no CPU is in the old program any more, before which the old map's last count cannot be
 * read.
 */
#define _GNU_SOURCE  // close_range
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/membarrier.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static int bpf(enum bpf_cmd command, union bpf_attr* attr) {
    long result = syscall(SYS_bpf, command, attr, sizeof(*attr));

    if (result < 0) {
        fprintf(stderr, "floor: bpf command %d: %s\n", command, strerror(errno));
        exit(1);
    }
    return (int)result;
}

static int create_map(void) {
    union bpf_attr attr = {
        .map_type = BPF_MAP_TYPE_PERCPU_ARRAY, .key_size = 4, .value_size = 16, .max_entries = 5};

    return bpf(BPF_MAP_CREATE, &attr);
}

static int load_program(void) {
    static const struct bpf_insn drop[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_DROP},
        {.code = BPF_JMP | BPF_EXIT},
    };
    union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_XDP,
                           .insns = (__u64)(unsigned long)drop,
                           .insn_cnt = LENGTH(drop),
                           .license = (__u64)(unsigned long)"GPL"};

    return bpf(BPF_PROG_LOAD, &attr);
}

static int create_link(int program, const char* device) {
    union bpf_attr attr = {.link_create = {.prog_fd = (__u32)program,
                                           .target_ifindex = if_nametoindex(device),
                                           .attach_type = BPF_XDP,
                                           .flags = XDP_FLAGS_DRV_MODE}};

    return bpf(BPF_LINK_CREATE, &attr);
}

static int open_pin(const char* path) {
    union bpf_attr attr = {.pathname = (__u64)(unsigned long)path};

    return bpf(BPF_OBJ_GET, &attr);
}

static void pin(int fd, const char* path) {
    union bpf_attr attr = {.pathname = (__u64)(unsigned long)path, .bpf_fd = (__u32)fd};

    bpf(BPF_OBJ_PIN, &attr);
}

static void update_link(int link, int program) {
    union bpf_attr attr = {.link_update = {.link_fd = (__u32)link, .new_prog_fd = (__u32)program}};

    bpf(BPF_LINK_UPDATE, &attr);
}

static void detach_link(int link) {
    union bpf_attr attr = {.link_detach = {.link_fd = (__u32)link}};

    bpf(BPF_LINK_DETACH, &attr);
}

static void load(const char* device, const char* directory, const char* link_path, const char* map_path) {
    int map = create_map();

    mkdir(directory, 0700);
    pin(map, map_path);
    pin(create_link(load_program(), device), link_path);
}

static int reload(const char* link_path, const char* map_path, const char* new_path, int exact) {
    int map = create_map();

    pin(map, new_path);
    update_link(open_pin(link_path), load_program());
    if (exact && syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0) {
        fprintf(stderr, "floor: membarrier: %s\n", strerror(errno));
        return 1;
    }
    return rename(new_path, map_path) == 0 ? 0 : 1;
}

static int unload(const char* directory, const char* link_path, const char* map_path) {
    detach_link(open_pin(link_path));
    return unlink(link_path) == 0 && unlink(map_path) == 0 && rmdir(directory) == 0 ? 0 : 1;
}

int main(int argc, char** argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: floor load|reload|exact-reload|unload DIR DEV...\n");
        return 2;
    }
    int exact = strcmp(argv[1], "exact-reload") == 0;
    int status = 0;

    for (char** device = argv + 3; *device != NULL && status == 0; ++device) {
        char directory[256], link_path[300], map_path[300], new_path[300];

        snprintf(directory, sizeof(directory), "%s-%s", argv[2], *device);
        snprintf(link_path, sizeof(link_path), "%s/link", directory);
        snprintf(map_path, sizeof(map_path), "%s/map", directory);
        snprintf(new_path, sizeof(new_path), "%s/new", directory);
        if (strcmp(argv[1], "load") == 0) {
            load(*device, directory, link_path, map_path);
        } else if (exact || strcmp(argv[1], "reload") == 0) {
            status = reload(link_path, map_path, new_path, exact);
        } else {
            status = unload(directory, link_path, map_path);
        }
        if (device[1] != NULL) {
            close_range(3, ~0U, 0);
        }
    }
    return status;
}
