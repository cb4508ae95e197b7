// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/program_object.h"

#include <fmt/format.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <string_view>

#include <xdp_tally/abi.h>

#include "common/bpf/library_log.h"
#include "common/pins/abi_names.h"
#include "common/pins/bpffs.h"
#include "common/pins/pin_names.h"
#include "loader/object/load_failure.h"
#include "loader/object/map_memory.h"
#include "loader/object/verifier_log.h"

#include "frags.skel.h"
#include "frags_alone.skel.h"
#include "linear.skel.h"
#include "linear_alone.skel.h"

namespace tally::loader {
namespace {

constexpr const char* kRedirectMap = "redirect_to";  // of the built-in object; the loader fills it
// BPF_F_XDP_DEV_BOUND_ONLY, which older headers do not have.
constexpr std::uint32_t kBoundToDevice = 1U << 6;

std::span<const unsigned char> builtin_image(Variant variant, HookSharing sharing) {
    const bool exclusive = sharing == HookSharing::kExclusive;
    std::size_t size = 0;
    const void* bytes = nullptr;
    if (variant == Variant::kFrags) {
        bytes = exclusive ? tally_frags_alone__elf_bytes(&size) : tally_frags__elf_bytes(&size);
    } else {
        bytes = exclusive ? tally_linear_alone__elf_bytes(&size) : tally_linear__elf_bytes(&size);
    }
    return {static_cast<const unsigned char*>(bytes), size};
}

// Of tally.bpf.h: no map for others to see, and so not pinned.
constexpr std::string_view kGenerationSection = ".rodata.tally";

// libbpf calls global data "<object>.bss"; the object's name changes with its file's, the section's does not.
std::string source_name(const bpf_map* map) {
    const std::string name = bpf_map__name(map);
    const auto dot = name.find('.');
    return bpf_map__is_internal(map) && dot != std::string::npos ? name.substr(dot) : name;
}

// Names that would not become pins of their own below the directory.
bool is_pin_name(const std::string& name) {
    return !name.empty() && name.find('/') == std::string::npos && name != kStagingName &&
           name != XDP_TALLY_META_NAME && name != XDP_TALLY_LINK_NAME;
}

}  // namespace

Result<ProgramObject> ProgramObject::open_builtin(const std::string& action, Variant variant,
                                                  HookSharing sharing) {
    return open_builtin_program("xdp_" + action + (variant == Variant::kFrags ? "_frags" : ""), variant,
                                sharing);
}

Result<ProgramObject> ProgramObject::open_builtin_program(const std::string& program, Variant variant,
                                                          HookSharing sharing) {
    const auto image = builtin_image(variant, sharing);
    UniqueObject object(bpf_object__open_mem(image.data(), image.size(), nullptr));
    if (!object) {
        return last_error("opening the built-in BPF object");
    }
    if (bpf_map* target = bpf_object__find_map_by_name(object.get(), kRedirectMap);
        target != nullptr && !program.starts_with("xdp_redirect")) {
        bpf_map__set_autocreate(target, false);
    }
    ObjectSections sections;
    sections.filled_maps = {kRedirectMap};
    return select(std::move(object), "the built-in object", program, {}, sections);
}

Result<ProgramObject> ProgramObject::open_file(const std::string& path, const std::string& program,
                                               const std::string& section) {
    TALLY_ASSIGN_OR_RETURN(auto file, ObjectFile::read(path));
    return open_program(std::make_shared<const ObjectFile>(std::move(file)), program, section);
}

Result<ProgramObject> ProgramObject::open_program(std::shared_ptr<const ObjectFile> file,
                                                  const std::string& program, const std::string& section) {
    TALLY_ASSIGN_OR_RETURN(auto object, file->open());
    TALLY_ASSIGN_OR_RETURN(auto self,
                           select(std::move(object), file->path(), program, section, file->sections()));
    self.file_ = std::move(file);
    return self;
}

Result<ProgramObject> ProgramObject::select(UniqueObject object, const std::string& source,
                                            const std::string& program, const std::string& section,
                                            const ObjectSections& sections) {
    const auto functions = list_functions(object.get(), sections);
    TALLY_ASSIGN_OR_RETURN(const auto choice, choose_function(functions, program, section, source));
    ProgramObject self;
    self.source_ = source;
    self.program_name_ = functions[choice.index].name;
    if (choice.candidates > 1) {
        self.choice_note_ = fmt::format("'{}' is {}; --progname chooses another, --list-programs lists them",
                                        self.program_name_, choice.reason);
        self.notes_.push_back(self.choice_note_);
    }
    bpf_program* candidate = nullptr;
    std::size_t index = 0;
    bpf_object__for_each_program(candidate, object.get()) {
        const auto& function = functions[index];
        if (function.kind == "unknown") {
            bpf_program__set_type(candidate, BPF_PROG_TYPE_XDP);
            bpf_program__set_expected_attach_type(candidate, BPF_XDP);
        }
        if (index == choice.index) {
            self.program_ = candidate;
        }
        // Others are loaded only where the object's own tail calls may reach them.
        bpf_program__set_autoload(candidate, index == choice.index || function.tail_call_target);
        ++index;
    }
    self.object_ = std::move(object);
    TALLY_TRY(self.take_maps(sections));
    return self;
}

Result<void> ProgramObject::take_maps(const ObjectSections& sections) {
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object_.get()) {
        if (!bpf_map__autocreate(map)) {
            continue;
        }
        if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS) {
            bpf_map__set_autocreate(map, false);
            notes_.push_back(
                fmt::format("the struct_ops map '{}' is left out: it is not XDP's", bpf_map__name(map)));
            continue;
        }
        has_tail_calls_ = has_tail_calls_ || bpf_map__type(map) == BPF_MAP_TYPE_PROG_ARRAY;
        // Pins are this loader's work: without this libbpf would reuse and pin LIBBPF_PIN_BY_NAME maps
        // itself.
        bpf_map__set_pin_path(map, nullptr);
        const std::string name = source_name(map);
        if (name == kGenerationSection) {
            generation_ = map;
            continue;
        }
        if (name == XDP_TALLY_MARK_NAME) {
            mark_ = map;
            bpf_map__set_autocreate(map, false);
            continue;
        }
        const bool read_only = name.starts_with(".rodata") || name.starts_with(".kconfig");
        if (!is_pin_name(name)) {
            return make_error(
                       ErrorKind::kConflict, fmt::format("reading {}", source_),
                       fmt::format("its map '{}' cannot be pinned: the name is reserved or invalid", name))
                .with_hint("rename the map; its pin is named after it");
        }
        const bool filled = sections.filled_maps.contains(name);
        maps_.push_back(Map{name, encode_pin_name(name), map, !read_only && !filled});
    }
    if (maps_.size() + (mark_ != nullptr ? 1 : 0) > XDP_TALLY_MAX_MAPS) {
        return make_error(
            ErrorKind::kSystem, fmt::format("reading {}", source_),
            fmt::format("it has {} maps, and at most {} are supported", maps_.size(), XDP_TALLY_MAX_MAPS));
    }
    return {};
}

bool ProgramObject::has_frags() const {
    // libbpf adds the flag of SEC("xdp.frags") only while loading: the section's name is what tells before.
    return (bpf_program__flags(program_) & BPF_F_XDP_HAS_FRAGS) != 0 ||
           std::string_view(bpf_program__section_name(program_)) == "xdp.frags";
}

Result<void> ProgramObject::reuse(Map& map, int fd) {
    if (const int code = bpf_map__reuse_fd(map.map, fd); code != 0) {
        return system_error(code, fmt::format("reusing the map {}", map.name));
    }
    map.reused = true;
    return {};
}

void ProgramObject::set_offload_device(std::uint32_t ifindex) {
    bpf_program__set_ifindex(program_, ifindex);
    for (const auto& map : maps_) {
        bpf_map__set_ifindex(map.map, ifindex);
    }
}

void ProgramObject::bind_to_device(std::uint32_t ifindex) {
    bpf_program__set_ifindex(program_, ifindex);
    bpf_program__set_flags(program_, bpf_program__flags(program_) | kBoundToDevice);
    notes_.push_back(
        "bound to this interface for its receive-metadata kfuncs: generic mode, dispatchers and --test-run "
        "do not take it");
}

void ProgramObject::clear_attach_type() {
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object_.get()) {
        if (bpf_program__expected_attach_type(program) == BPF_XDP) {
            bpf_program__set_expected_attach_type(program, static_cast<bpf_attach_type>(0));
        }
    }
}

Result<void> ProgramObject::join_dispatcher(std::uint64_t generation) {
    // libxdp 1.3 does not see the section's name, and would have the dispatcher refuse fragments.
    if (has_frags()) {
        bpf_program__set_flags(program_, bpf_program__flags(program_) | BPF_F_XDP_HAS_FRAGS);
    }
    if (!uses_generation_marks()) {
        return {};
    }
    if (const int code = bpf_map__set_initial_value(generation_, &generation, sizeof(generation));
        code != 0) {
        return system_error(code, fmt::format("setting the generation of '{}'", program_name_));
    }
    generation_number_ = generation;
    bpf_map__set_autocreate(mark_, true);
    maps_.push_back(Map{XDP_TALLY_MARK_NAME, XDP_TALLY_MARK_NAME, mark_, true});
    return {};
}

Result<void> ProgramObject::check_maps() const {
    const auto available = available_memory();
    for (const auto& map : maps_) {
        if (bpf_map__fd(map.map) < 0) {  // not reused
            TALLY_TRY(check_new_map(map.name, layout(map), available));
        }
    }
    return {};
}

Result<void> ProgramObject::load() {
    TALLY_TRY(check_maps());
    raise_locked_memory_limit();
    VerifierLog log;
    set_log(log.data(), log.size());
    take_library_warnings();
    const int code = bpf_object__load(object_.get());
    set_log(nullptr, 0);
    if (code == 0) {
        return {};
    }
    wants_bound_device_ =
        log.text().find("metadata kfuncs require device-bound program") != std::string_view::npos;
    const std::string warnings = take_library_warnings();
    const std::string refused = refused_program(warnings).value_or(program_name_);
    const auto error = system_error(code, fmt::format("loading program '{}' of {}", refused, source_));
    if (bpf_map* map = bpf_object__find_map_by_name(object_.get(), refused_map(warnings).c_str())) {
        return explain_refused_map(error, source_name(map), layout_of(map, bpf_object__btf(object_.get())),
                                   warnings);
    }
    auto explained = explain_failed_load(error, log.text(), warnings,
                                         file_ ? file_->sections().license.value_or(std::string()) : "GPL");
    if (explained.hint.empty() && explained.code == EINVAL && log.text().empty() && has_frags()) {
        explained.hint = "SEC(\"xdp.frags\") takes Linux 5.18; for older kernels build it as SEC(\"xdp\")";
    }
    if (!choice_note_.empty()) {
        explained.hint = explained.hint.empty() ? choice_note_ : explained.hint + "\n" + choice_note_;
    }
    return explained;
}

// One for all programs: the first that is refused ends the load.
void ProgramObject::set_log(char* buffer, std::size_t size) {
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object_.get()) {
        bpf_program__set_log_buf(program, buffer, size);
    }
}

int ProgramObject::own_map_fd() const {
    if (generation_ != nullptr) {
        return bpf_map__fd(generation_);
    }
    const auto own = std::find_if(maps_.begin(), maps_.end(), [](const Map& map) { return !map.reused; });
    return own == maps_.end() ? -1 : bpf_map__fd(own->map);
}

Result<ProgramObject> ProgramObject::open_component() const {
    const auto variant = has_frags() ? Variant::kFrags : Variant::kLinear;
    auto component = file_ ? open_program(file_, program_name_, {})
                           : open_builtin_program(program_name_, variant, HookSharing::kShared);
    if (!component) {
        return component;
    }
    TALLY_TRY(component->join_dispatcher(generation_number_));
    for (std::size_t i = 0; i < maps_.size(); ++i) {
        TALLY_TRY(component->reuse(component->maps_[i], bpf_map__fd(maps_[i].map)));
    }
    if (generation_ != nullptr) {
        Map generation = {"the generation", {}, component->generation_};
        TALLY_TRY(component->reuse(generation, bpf_map__fd(generation_)));
    }
    return component;
}

}  // namespace tally::loader
