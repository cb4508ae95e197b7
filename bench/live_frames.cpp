// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Sends frames out of an interface as fast as the kernel can: no socket and no packet generator module, but
// BPF_PROG_TEST_RUN with live frames (kernel 5.18), redirected. Writes the nanoseconds that it took.
//
//   live-frames GENERATOR.bpf.o DEV COUNT SIZE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "live-frames: %s: %m\n", what);
    std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fputs("usage: live-frames GENERATOR.bpf.o DEV COUNT SIZE\n", stderr);
        return 2;
    }
    const unsigned ifindex = ::if_nametoindex(argv[2]);
    const int count = std::atoi(argv[3]);
    std::vector<unsigned char> frame(static_cast<std::size_t>(std::atoi(argv[4])));
    frame[0] = 2;  // to a locally administered address

    bpf_object* const object = bpf_object__open_file(argv[1], nullptr);
    if (object == nullptr || ifindex == 0) {
        fail(object == nullptr ? argv[1] : argv[2]);
    }
    bpf_map* const constants = bpf_object__find_map_by_name(object, ".rodata");
    if (constants == nullptr || bpf_map__set_initial_value(constants, &ifindex, sizeof(ifindex)) != 0 ||
        bpf_object__load(object) != 0) {
        fail(argv[1]);
    }
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(),
                .data_size_in = static_cast<__u32>(frame.size()), .repeat = count,
                .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
    const int program = bpf_program__fd(bpf_object__find_program_by_name(object, "generate"));
    const auto start = std::chrono::steady_clock::now();
    if (bpf_prog_test_run_opts(program, &options) != 0) {
        fail("BPF_PROG_TEST_RUN with live frames");
    }
    const auto taken = std::chrono::steady_clock::now() - start;
    std::printf("%lld\n", static_cast<long long>(std::chrono::nanoseconds(taken).count()));
    bpf_object__close(object);
    return 0;
}
