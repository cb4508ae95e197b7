// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What XDP programs cost for a packet: runs them in turn through BPF_PROG_TEST_RUN and writes nanoseconds for
// each packet, a line for every program and round.
//
//   test-run ROUNDS REPEATS SIZE OBJECT:PROGRAM...
//
// The kernel itself tells whole nanoseconds only; what is written is the CPU time of the system call over
// REPEATS.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

namespace {

struct Closer {
    void operator()(bpf_object* object) const { bpf_object__close(object); }
};

struct Program {
    std::string name;
    std::unique_ptr<bpf_object, Closer> object;
    int fd = -1;
};

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "test-run: %s: %m\n", what.c_str());
    std::exit(1);
}

Program load(const std::string& argument) {
    const auto colon = argument.rfind(':');
    const std::string path = argument.substr(0, colon);
    Program program;
    program.name = argument.substr(colon + 1);
    program.object.reset(bpf_object__open_file(path.c_str(), nullptr));
    if (!program.object) {
        fail(path);
    }
    bpf_program* chosen = nullptr;
    bpf_program* each = nullptr;
    bpf_object__for_each_program(each, program.object.get()) {
        const bool wanted = program.name == bpf_program__name(each);
        bpf_program__set_autoload(each, wanted);
        chosen = wanted ? each : chosen;
    }
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, program.object.get()) {
        bpf_map__set_pin_path(map, nullptr);  // libxdp's header would have its map pinned
    }
    if (chosen == nullptr || bpf_object__load(program.object.get()) != 0) {
        fail(argument);
    }
    program.fd = bpf_program__fd(chosen);
    return program;
}

double cpu_nanoseconds() {
    timespec now = {};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double nanoseconds_each(const Program& program, std::vector<unsigned char>& frame, unsigned repeats) {
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(),
                .data_size_in = static_cast<__u32>(frame.size()), .repeat = static_cast<int>(repeats));
    const double start = cpu_nanoseconds();
    if (bpf_prog_test_run_opts(program.fd, &options) != 0) {
        fail("BPF_PROG_TEST_RUN of " + program.name);
    }
    return (cpu_nanoseconds() - start) / repeats;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) {
        std::fputs("usage: test-run ROUNDS REPEATS SIZE OBJECT:PROGRAM...\n", stderr);
        return 2;
    }
    const int rounds = std::atoi(argv[1]);
    const auto repeats = static_cast<unsigned>(std::atoi(argv[2]));
    std::vector<unsigned char> frame(static_cast<std::size_t>(std::atoi(argv[3])));
    std::vector<Program> programs;
    for (int i = 4; i < argc; ++i) {
        programs.push_back(load(argv[i]));
        nanoseconds_each(programs.back(), frame, repeats / 10 + 1);  // warm
    }
    for (int round = 0; round < rounds; ++round) {
        for (const auto& program : programs) {
            std::printf("%s %.3f\n", program.name.c_str(), nanoseconds_each(program, frame, repeats));
        }
    }
    return 0;
}
