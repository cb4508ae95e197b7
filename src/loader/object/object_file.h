// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A BPF object file, read once: what has been checked is what will be loaded, whatever happens to the file
// meanwhile.
#pragma once

#include <bpf/libbpf.h>

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_handle.h"
#include "loader/object/object_sections.h"

namespace tally::loader {

using UniqueObject = UniqueHandle<bpf_object, bpf_object__close>;

class ObjectFile {
  public:
    // kNotFound for a missing file; kSystem for what was not made for BPF on this machine, and for damaged
    // BTF.
    static Result<ObjectFile> read(const std::string& path);

    // Parsed by libbpf. kSystem for what it takes for no BPF object, with its warnings in the details.
    Result<UniqueObject> open() const;

    const std::string& path() const { return path_; }
    const ObjectSections& sections() const { return sections_; }

  private:
    std::string operation() const { return "reading the BPF object " + path_; }
    Error refuse(std::string reason, std::string hint = {}) const;
    // `code`: libbpf's errno.
    Error explain_refusal(int code, const std::string& warnings) const;

    std::string path_;
    std::vector<unsigned char> image_;
    ObjectSections sections_;
};

}  // namespace tally::loader
