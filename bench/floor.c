/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the kernel alone needs: the fewest system calls that attach an XDP program with a counter map,
 * replace both, and detach them. No library, and no look at what is there already. The program counts
 * nothing: it has two instructions.
 *
 *   floor load|reload|exact-reload|unload DEV DIR [generic]
 *
 * DIR, in bpffs, is where the link and the map are pinned. An exact reload waits until no CPU is in the old
 * program any more, before which the old map's last count cannot be read.
 */
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

static int create_link(int program, const char* device, __u32 mode) {
    union bpf_attr attr = {.link_create = {.prog_fd = (__u32)program,
                                           .target_ifindex = if_nametoindex(device),
                                           .attach_type = BPF_XDP,
                                           .flags = mode}};

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

int main(int argc, char** argv) {
    char link_path[256], map_path[256], new_path[256];

    if (argc < 4) {
        fprintf(stderr, "usage: floor load|reload|exact-reload|unload DEV DIR [generic]\n");
        return 2;
    }
    int exact = strcmp(argv[1], "exact-reload") == 0;

    snprintf(link_path, sizeof(link_path), "%s/link", argv[3]);
    snprintf(map_path, sizeof(map_path), "%s/map", argv[3]);
    snprintf(new_path, sizeof(new_path), "%s/new", argv[3]);

    if (strcmp(argv[1], "load") == 0) {
        int map = create_map();

        mkdir(argv[3], 0700);
        pin(map, map_path);
        pin(create_link(load_program(), argv[2], argc > 4 ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE),
            link_path);
        return 0;
    }
    if (strcmp(argv[1], "reload") == 0 || exact) {
        int map = create_map();

        pin(map, new_path);
        update_link(open_pin(link_path), load_program());
        if (exact && syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0) {
            fprintf(stderr, "floor: membarrier: %s\n", strerror(errno));
            return 1;
        }
        return rename(new_path, map_path) == 0 ? 0 : 1;
    }
    detach_link(open_pin(link_path));
    return unlink(link_path) == 0 && unlink(map_path) == 0 && rmdir(argv[3]) == 0 ? 0 : 1;
}
