#include "loader/program_object.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/bpf.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string_view>

#include <xdp_tally/abi.h>

#include "common/library_log.h"
#include "common/names.h"

// The objects of bpf/, embedded by cmake/Bpf.cmake.
extern "C" {
extern const unsigned char tally_linear_object[];
extern const unsigned char tally_linear_object_end[];
extern const unsigned char tally_frags_object[];
extern const unsigned char tally_frags_object_end[];
}

namespace tally::loader {
namespace {

constexpr std::size_t kVerifierLogSize = 1U << 20;
constexpr std::size_t kVerifierLines = 15;  // of its last words, for a person

bool is_xdp_entry(const bpf_program* program) {
    return bpf_program__type(program) == BPF_PROG_TYPE_XDP &&
           bpf_program__expected_attach_type(program) == BPF_XDP;
}

// libbpf calls global data "<object>.bss"; the object's name changes with its file's, the section's does not.
std::string source_name(const bpf_map* map) {
    const std::string name = bpf_map__name(map);
    const auto dot = name.find('.');
    return bpf_map__is_internal(map) && dot != std::string::npos ? name.substr(dot) : name;
}

std::string last_lines(std::string_view text, std::size_t count) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\0')) {
        text.remove_suffix(1);
    }
    std::size_t start = text.size();
    for (std::size_t line = 0; line < count && start != std::string_view::npos && start > 0; ++line) {
        start = text.rfind('\n', start - 1);
    }
    return std::string(start == std::string_view::npos ? text : text.substr(start == 0 ? 0 : start + 1));
}

// Why the file cannot even be read; libbpf's own answer is an error number for everything.
Result<void> check_file(const std::string& path) {
    const std::string what = fmt::format("reading the BPF object {}", path);
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status = {};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
        return last_error(what);
    }
    if (!S_ISREG(status.st_mode)) {
        return make_error(ErrorKind::kSystem, what, "it is not a regular file");
    }
    std::array<char, 4> magic = {};
    if (::read(fd.get(), magic.data(), magic.size()) != static_cast<ssize_t>(magic.size()) ||
        std::string_view(magic.data(), magic.size()) !=
            "\x7f"
            "ELF") {
        return make_error(ErrorKind::kSystem, what, "it is not an ELF file")
            .with_hint("compile it with `clang -target bpf -g -O2 -c prog.bpf.c -o prog.bpf.o`");
    }
    return {};
}

}  // namespace

void ProgramObject::Closer::operator()(bpf_object* object) const {
    bpf_object__close(object);
}

Result<ProgramObject> ProgramObject::open_builtin(const std::string& action, Variant variant) {
    const bool frags = variant == Variant::kFrags;
    const auto* begin = frags ? tally_frags_object : tally_linear_object;
    const auto* end = frags ? tally_frags_object_end : tally_linear_object_end;
    std::unique_ptr<bpf_object, Closer> object(
        bpf_object__open_mem(begin, static_cast<std::size_t>(end - begin), nullptr));
    if (!object) {
        return last_error("opening the built-in BPF object");
    }
    const std::string name = "xdp_" + action + (frags ? "_frags" : "");
    if (bpf_map* target = bpf_object__find_map_by_name(object.get(), "redirect_to");
        target != nullptr && action != "redirect") {
        bpf_map__set_autocreate(target, false);
    }
    return select(std::move(object), "the built-in object", name);
}

Result<ProgramObject> ProgramObject::open_file(const std::string& path, const std::string& program) {
    TALLY_TRY(check_file(path));
    take_library_warnings();
    std::unique_ptr<bpf_object, Closer> object(bpf_object__open_file(path.c_str(), nullptr));
    if (!object) {
        return make_error(ErrorKind::kSystem, fmt::format("reading the BPF object {}", path),
                          "it is damaged, or it is not a BPF object")
            .with_hint("`llvm-readelf -S FILE` shows what is in it; -v shows libbpf's own words")
            .with_details(last_lines(take_library_warnings(), 3));
    }
    return select(std::move(object), path, program);
}

Result<ProgramObject> ProgramObject::select(std::unique_ptr<bpf_object, Closer> object,
                                            const std::string& source, const std::string& program) {
    ProgramObject self;
    self.source_ = source;
    std::vector<std::string> names;
    bpf_program* candidate = nullptr;
    bpf_object__for_each_program(candidate, object.get()) {
        if (!is_xdp_entry(candidate)) {
            continue;
        }
        const std::string name = bpf_program__name(candidate);
        names.push_back(name);
        if (self.program_ == nullptr && (program.empty() || name == program)) {
            self.program_ = candidate;
            self.program_name_ = name;
        }
    }
    if (names.empty()) {
        return make_error(ErrorKind::kNotFound, fmt::format("looking for an XDP program in {}", source),
                          "there is none")
            .with_hint("an XDP program stands in a section named \"xdp\" or \"xdp.frags\"");
    }
    if (self.program_ == nullptr) {
        return make_error(ErrorKind::kNotFound,
                          fmt::format("looking for program '{}' in {}", program, source),
                          "there is no XDP program of that name")
            .with_hint(fmt::format("--progname takes one of: {}", fmt::join(names, ", ")));
    }

    bool has_tail_calls = false;
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object.get()) {
        if (!bpf_map__autocreate(map)) {
            continue;
        }
        has_tail_calls = has_tail_calls || bpf_map__type(map) == BPF_MAP_TYPE_PROG_ARRAY;
        // Pins are this loader's work: without this libbpf would reuse and pin LIBBPF_PIN_BY_NAME maps
        // itself.
        bpf_map__set_pin_path(map, nullptr);
        const std::string name = source_name(map);
        const bool read_only = name.starts_with(".rodata") || name.starts_with(".kconfig");
        self.maps_.push_back(Map{name, encode_pin_name(name), map, !read_only});
    }
    if (self.maps_.size() > XDP_TALLY_MAX_MAPS) {
        return make_error(ErrorKind::kSystem, fmt::format("reading {}", source),
                          fmt::format("it has {} maps, more than the {} that the metadata record can name",
                                      self.maps_.size(), XDP_TALLY_MAX_MAPS));
    }
    // Other programs of the object are loaded only where tail calls may reach them.
    bpf_object__for_each_program(candidate, object.get()) {
        bpf_program__set_autoload(candidate,
                                  candidate == self.program_ || (has_tail_calls && is_xdp_entry(candidate)));
    }
    self.object_ = std::move(object);
    return self;
}

bool ProgramObject::has_frags() const {
    // libbpf adds the flag of SEC("xdp.frags") only while loading: the section's name is what tells before.
    return (bpf_program__flags(program_) & BPF_F_XDP_HAS_FRAGS) != 0 ||
           std::string_view(bpf_program__section_name(program_)).starts_with("xdp.frags");
}

MapLayout ProgramObject::layout(const Map& map) const {
    return layout_of(map.map, bpf_object__btf(object_.get()));
}

Result<void> ProgramObject::reuse(const Map& map, int fd) {
    if (const int code = bpf_map__reuse_fd(map.map, fd); code != 0) {
        return system_error(code, fmt::format("reusing the pinned map {}", map.name));
    }
    return {};
}

void ProgramObject::bind_to_card(std::uint32_t ifindex) {
    bpf_program__set_ifindex(program_, ifindex);
    for (const auto& map : maps_) {
        bpf_map__set_ifindex(map.map, ifindex);
    }
}

void ProgramObject::clear_attach_type() {
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object_.get()) {
        if (is_xdp_entry(program)) {
            bpf_program__set_expected_attach_type(program, static_cast<bpf_attach_type>(0));
        }
    }
}

Result<void> ProgramObject::load() {
    std::vector<char> log(kVerifierLogSize);
    bpf_program__set_log_buf(program_, log.data(), log.size());
    take_library_warnings();
    const int code = bpf_object__load(object_.get());
    bpf_program__set_log_buf(program_, nullptr, 0);
    if (code == 0) {
        return {};
    }
    auto error = system_error(code, fmt::format("loading program '{}' of {}", program_name_, source_));
    const std::string_view words(log.data());
    if (!words.empty()) {
        error.kind = ErrorKind::kSystem;
        error.reason = "the verifier refuses it: " + error.reason;
        error.details = last_lines(words, kVerifierLines);
        if (words.find("pointer -= pointer") != std::string_view::npos) {
            error.kind = ErrorKind::kPermission;
            error.hint = "subtracting packet pointers takes CAP_PERFMON beside CAP_BPF";
        }
    } else {
        error.details = last_lines(take_library_warnings(), 3);
    }
    return error;
}

int ProgramObject::program_fd() const {
    return bpf_program__fd(program_);
}

int ProgramObject::map_fd(const Map& map) {
    return bpf_map__fd(map.map);
}

}  // namespace tally::loader
