// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A BPF object on its way into the kernel: the built-in one or the user's own file.
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "loader/object/function_choice.h"
#include "loader/object/map_layout.h"
#include "loader/object/object_file.h"
#include "loader/object/object_sections.h"

namespace tally::loader {

// Frames in several buffers need a program that says it can take them (BPF_F_XDP_HAS_FRAGS, kernel 5.18).
enum class Variant { kLinear, kFrags };

// Alone on its hook, or beside others in libxdp's dispatcher: counting exactly there takes code that costs a
// little.
enum class HookSharing { kExclusive, kShared };

// Owns the object; what it loaded into the kernel goes with it, except what has been pinned or attached.
class ProgramObject {
  public:
    // The built-in program for a verdict (pass, drop, aborted, tx, redirect).
    static Result<ProgramObject> open_builtin(const std::string& action, Variant variant,
                                              HookSharing sharing);

    // The function of that name, or the first in that section; both empty: the default (choose_function).
    // kNotFound for a missing file, and as choose_function says; kSystem for what is no BPF object, and for a
    // damaged one; kConflict where a map's name is reserved.
    static Result<ProgramObject> open_file(const std::string& path, const std::string& program,
                                           const std::string& section);

    const std::string& program_name() const { return program_name_; }
    bool is_built_in() const { return !file_; }
    // What a person should know: which of several programs this is, what of the file is left out.
    const std::vector<std::string>& notes() const { return notes_; }
    bool has_frags() const;
    bool has_btf() const { return bpf_object__btf(object_.get()) != nullptr; }
    // Other programs of the object run by tail calls.
    bool has_tail_calls() const { return has_tail_calls_; }
    // It counts a packet only where no newer generation of it has (xdp_tally_mark of tally.bpf.h).
    bool uses_generation_marks() const { return mark_ != nullptr && generation_ != nullptr; }

    struct Map {
        std::string name;      // as the source has it; ".bss" and the like for global data
        std::string pin_name;  // one path component
        bpf_map* map = nullptr;
        // Not: read-only data, and what the object or the loader fills. That belongs to one load, and filling
        // a map that is in use would change what the program before does.
        bool reusable = true;
        bool reused = false;
        bool adopted = false;  // reused, and somebody else had pinned it
    };
    std::vector<Map>& maps() { return maps_; }
    const std::vector<Map>& maps() const { return maps_; }
    MapLayout layout(const Map& map) const { return layout_of(map.map, bpf_object__btf(object_.get())); }

    // Before load(): the map is not created, this one is used. The layouts must have been compared.
    Result<void> reuse(Map& map, int fd);
    // Before load(): for offload mode, the interface whose card will run it.
    void set_offload_device(std::uint32_t ifindex);
    // Before load(): the program can be attached to this interface alone, in native mode by a link or
    // netlink, and may ask the driver for receive metadata (BPF_F_XDP_DEV_BOUND_ONLY, kernel 6.3).
    void bind_to_device(std::uint32_t ifindex);
    // After a load() that failed: it asks for that.
    bool wants_bound_device() const { return wants_bound_device_; }
    // Before load(): the programs carry no expected attach type.
    void clear_attach_type();
    // Before load(): it is going to be a component of a dispatcher. With uses_generation_marks() it counts as
    // this generation, and the map of the marks is one of maps().
    Result<void> join_dispatcher(std::uint64_t generation);

    // The reason is the verifier's, and the last lines of its log, or all of it with -v, are the details.
    // kSystem, too, before any map is created that cannot be, or takes more memory than there is.
    Result<void> load();

    // Valid after load(), for as long as this object lives.
    int program_fd() const { return bpf_program__fd(program_); }
    static int map_fd(const Map& map) { return bpf_map__fd(map.map); }
    int marks_fd() const { return bpf_map__fd(mark_); }  // after join_dispatcher() with generation marks
    // A map that only this program uses: the one with its generation, or one that was not reused. -1: none.
    int own_map_fd() const;

    // After load(): the same program once more, not loaded, with all the maps of this one. libxdp loads a
    // program itself, against the dispatcher that will call it.
    Result<ProgramObject> open_component() const;
    // For libxdp, which borrows it.
    bpf_object* handle() const { return object_.get(); }

  private:
    static Result<ProgramObject> open_builtin_program(const std::string& program, Variant variant,
                                                      HookSharing sharing);
    static Result<ProgramObject> open_program(std::shared_ptr<const ObjectFile> file,
                                              const std::string& program, const std::string& section);
    static Result<ProgramObject> select(UniqueObject object, const std::string& source,
                                        const std::string& program, const std::string& section,
                                        const ObjectSections& sections);
    Result<void> take_maps(const ObjectSections& sections);
    Result<void> check_maps() const;
    void set_log(char* buffer, std::size_t size);

    UniqueObject object_;
    bpf_program* program_ = nullptr;
    std::string program_name_;
    std::string choice_note_;  // where it was the default of several: which it is, and how to name another
    std::vector<std::string> notes_;
    std::string source_;                      // for messages: the file, or "the built-in object"
    std::shared_ptr<const ObjectFile> file_;  // none: the built-in object
    std::vector<Map> maps_;
    bpf_map* mark_ = nullptr;        // xdp_tally_mark
    bpf_map* generation_ = nullptr;  // .rodata.tally
    std::uint64_t generation_number_ = 0;
    bool has_tail_calls_ = false;
    bool wants_bound_device_ = false;
};

}  // namespace tally::loader
