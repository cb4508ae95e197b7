// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/btf_check.h"

#include <bpf/btf.h>
#include <gmock/gmock.h>

#include <cstring>
#include <vector>

#include "common/base/unique_handle.h"

namespace tally::loader {
namespace {

using testing::Eq;

constexpr int kInt = 1;       // the first type of every Types
constexpr int kMissing = 99;  // no type has this id

// The contents of a .BTF section, made type by type.
class Types {
  public:
    Types() : btf_(btf__new_empty()) { btf__add_int(btf(), "int", 4, BTF_INT_SIGNED); }

    struct btf* btf() {
        return btf_.get();
    }
    btf_type* at(int id) {
        return const_cast<btf_type*>(  // NOLINT(*-const-cast)
            btf__type_by_id(btf(), static_cast<std::uint32_t>(id)));
    }
    int add_proto(int returned) { return btf__add_func_proto(btf(), returned); }
    std::vector<unsigned char> section() {
        std::uint32_t size = 0;
        const auto* const octets = static_cast<const unsigned char*>(btf__raw_data(btf(), &size));
        return {octets, octets + size};
    }
    std::optional<std::uint32_t> broken() { return find_broken_type(section()); }

  private:
    UniqueHandle<struct btf, btf__free> btf_;
};

TEST(BtfCheck, WhatACompilerWritesIsSound) {
    Types types;
    const int counter = btf__add_struct(types.btf(), "counter", 8);
    btf__add_field(types.btf(), "packets", kInt, 0, 0);
    btf__add_field(types.btf(), "next", counter + 1, 32, 0);  // a pointer to the struct itself
    btf__add_ptr(types.btf(), counter);
    btf__add_ptr(types.btf(), 0);  // void *
    btf__add_array(types.btf(), kInt, counter, 5);
    const int proto = types.add_proto(kInt);
    btf__add_func_param(types.btf(), "ctx", counter + 2);
    btf__add_func(types.btf(), "entry", BTF_FUNC_GLOBAL, proto);
    btf__add_enum(types.btf(), "", 4);
    btf__add_enum_value(types.btf(), "ONE", 1);
    const int variable = btf__add_var(types.btf(), "limit", BTF_VAR_GLOBAL_ALLOCATED, kInt);
    btf__add_datasec(types.btf(), ".data", 4);
    btf__add_datasec_var_info(types.btf(), variable, 0, 4);
    EXPECT_THAT(types.broken(), Eq(std::nullopt));
}

TEST(BtfCheck, NothingIsFoundWhereThereAreNoTypes) {
    EXPECT_THAT(find_broken_type({}), Eq(std::nullopt));
    const std::vector<unsigned char> garbage(64, 0xff);
    EXPECT_THAT(find_broken_type(garbage), Eq(std::nullopt)) << "libbpf refuses it";
}

TEST(BtfCheck, ATypeThatIsNotThere) {
    Types pointer;
    EXPECT_THAT(pointer.broken(), Eq(std::nullopt));
    const int id = btf__add_ptr(pointer.btf(), kMissing);
    EXPECT_THAT(pointer.broken(), Eq(id));

    Types member;
    const int holder = btf__add_struct(member.btf(), "counter", 8);
    btf__add_field(member.btf(), "packets", kMissing, 0, 0);
    EXPECT_THAT(member.broken(), Eq(holder));

    Types index;
    EXPECT_THAT(index.broken(), Eq(std::nullopt));
    const int array = btf__add_array(index.btf(), kMissing, kInt, 5);
    EXPECT_THAT(index.broken(), Eq(array));

    Types parameter;
    const int proto = parameter.add_proto(0);
    btf__add_func_param(parameter.btf(), "ctx", kMissing);
    EXPECT_THAT(parameter.broken(), Eq(proto));

    Types variable;
    const int section = btf__add_datasec(variable.btf(), ".data", 4);
    btf__add_datasec_var_info(variable.btf(), kMissing, 0, 4);
    EXPECT_THAT(variable.broken(), Eq(section));
}

TEST(BtfCheck, ANameThatIsNotThere) {
    Types types;
    const int id = btf__add_ptr(types.btf(), kInt);
    types.at(id)->name_off = 0xffffff;
    EXPECT_THAT(types.broken(), Eq(id));
}

TEST(BtfCheck, AFunctionWithoutAPrototype) {
    Types types;
    const int id = btf__add_func(types.btf(), "entry", BTF_FUNC_GLOBAL, kInt);
    EXPECT_THAT(types.broken(), Eq(id));
}

TEST(BtfCheck, ACircleOfQualifiersAndTypedefs) {
    Types itself;
    const int id = btf__add_const(itself.btf(), kInt + 1);
    EXPECT_THAT(itself.broken(), Eq(id));

    Types two;
    const int first = btf__add_volatile(two.btf(), kInt + 2);
    btf__add_typedef(two.btf(), "circle", first);
    EXPECT_THAT(two.broken(), Eq(first));
}

}  // namespace
}  // namespace tally::loader
