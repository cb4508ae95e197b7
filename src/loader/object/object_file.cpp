// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/object_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/directory.h"
#include "common/base/unique_fd.h"
#include "common/bpf/libbpf_options.h"
#include "common/bpf/library_log.h"
#include "loader/object/object_faults.h"
#include "loader/object/verifier_log.h"

namespace tally::loader {

namespace {

// For CO-RE, libbpf reads the kernel's types, more than 5 MB, into one buffer, a page with each read(). A
// buffer that malloc has mapped by itself begins 16 bytes into a page, and what the kernel copies there from
// the beginning of a page of its own takes eight times as long as to the heap (perf record; AMD EPYC,
// Linux 6.18).
void take_large_buffers_from_the_heap() {
    constexpr int kLargestThreshold = 32 << 20;  // that glibc takes
    ::mallopt(M_MMAP_THRESHOLD, kLargestThreshold);
}

}  // namespace

Error ObjectFile::refuse(std::string reason, std::string hint) const {
    return make_error(ErrorKind::kSystem, operation(), std::move(reason)).with_hint(std::move(hint));
}

Result<ObjectFile> ObjectFile::read(const std::string& path) {
    constexpr off_t kLargest = 256 << 20;
    ObjectFile self;
    self.path_ = path;
    const std::string what = self.operation();
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status = {};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
        return last_error(what);
    }
    if (!S_ISREG(status.st_mode)) {
        return self.refuse("it is not a regular file");
    }
    if (status.st_size > kLargest) {
        return self.refuse("it is larger than 256 MiB");
    }
    auto& image = self.image_;
    image.resize(static_cast<std::size_t>(status.st_size));
    std::size_t size = 0;
    for (ssize_t got = 1; got > 0 && size < image.size(); size += static_cast<std::size_t>(got)) {
        got = ::read(fd.get(), image.data() + size, image.size() - size);
        if (got < 0) {
            return last_error(what);
        }
    }
    image.resize(size);
    if (const auto foreign = find_foreign_format(image)) {
        return self.refuse(foreign->reason, foreign->hint);
    }
    self.sections_ = read_sections(image);
    if (self.sections_.broken_type) {
        return self.refuse(fmt::format("it is damaged: type {} of its BTF refers to something that is not "
                                       "there, or to itself",
                                       *self.sections_.broken_type),
                           "compile it again");
    }
    return self;
}

Error ObjectFile::explain_refusal(int code, const std::string& warnings) const {
    if (sections_.maps && !sections_.btf) {
        return refuse("it has maps, but no BTF, which describes them",
                      "compile it with `clang -target bpf -g`; BTF stays when `llvm-strip -g` strips it");
    }
    const bool met_static_first = warnings.find("is static and not supported") != std::string::npos;
    if (sections_.legacy_maps && !met_static_first) {
        return refuse("its maps are defined in SEC(\"maps\"), which libbpf 1.0 and later do not support",
                      "define each as `struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 64); "
                      "__type(key, __u32); __type(value, __u64); } NAME SEC(\".maps\");`");
    }
    if (!sections_.btf && warnings.find("failed to find BTF for extern") != std::string::npos) {
        return refuse("it has no BTF, without which functions and variables of the kernel cannot be found",
                      "compile it with `clang -target bpf -g`");
    }
    if (const auto fault = find_fault(image_)) {
        return refuse(fault->reason, fault->hint);
    }
    const std::string last = last_warning(warnings);
    const bool unreadable = code == LIBBPF_ERRNO__LIBELF || code == LIBBPF_ERRNO__FORMAT;
    if (last.empty() || unreadable || last.starts_with("elf: ")) {
        return refuse("it is damaged, or it is not a BPF object",
                      "`llvm-readelf -S FILE` shows what is in it; -v shows libbpf's own messages");
    }
    return refuse("libbpf does not take it: " + last, "-v shows libbpf's other messages");
}

Result<UniqueObject> ObjectFile::open() const {
    take_large_buffers_from_the_heap();
    // libbpf names an object after its file, up to the first dot; global data is named after the object.
    const std::string file = name_of(path_);
    const std::string name = file.substr(0, file.find('.'));
    bpf_object_open_opts options;
    init_options(options);
    options.object_name = name.c_str();
    take_library_warnings();
    UniqueObject object(bpf_object__open_mem(image_.data(), image_.size(), &options));
    if (!object) {
        const int code = errno;
        const std::string warnings = take_library_warnings();
        return explain_refusal(code, warnings).with_details(last_lines(warnings, 3));
    }
    return object;
}

}  // namespace tally::loader
