// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/hook/component_signature.h"

#include <gtest/gtest.h>

#include <memory>

namespace tally::loader {
namespace {

// The types of an object with one function, `prog`.
class ComponentSignature : public ::testing::Test {
  protected:
    ComponentSignature() {
        int_ = btf__add_int(types_.get(), "int", 4, BTF_INT_SIGNED);
        packet_ = btf__add_ptr(types_.get(), btf__add_struct(types_.get(), "xdp_md", 24));
    }

    std::string obstacle(int result, std::initializer_list<int> parameters) {
        const int prototype = btf__add_func_proto(types_.get(), result);
        for (const int parameter : parameters) {
            btf__add_func_param(types_.get(), "p", parameter);
        }
        btf__add_func(types_.get(), "prog", BTF_FUNC_GLOBAL, prototype);
        return signature_obstacle(types_.get(), "prog");
    }

    std::unique_ptr<btf, void (*)(btf*)> types_{btf__new_empty(), btf__free};
    int int_ = 0;
    int packet_ = 0;
};

TEST_F(ComponentSignature, UsualOneFits) {
    EXPECT_EQ(obstacle(int_, {packet_}), "");
}

TEST_F(ComponentSignature, NamesOfTypesDoNotMatter) {
    const int number =
        btf__add_typedef(types_.get(), "__u32", btf__add_int(types_.get(), "unsigned int", 4, 0));
    EXPECT_EQ(obstacle(number, {btf__add_const(types_.get(), packet_)}), "");
}

TEST_F(ComponentSignature, EnumAsResult) {
    const int verdict = btf__add_enum(types_.get(), "xdp_action", 4);
    EXPECT_NE(obstacle(verdict, {packet_}).find("return type is enum xdp_action"), std::string::npos);
}

TEST_F(ComponentSignature, NothingAsResult) {
    EXPECT_NE(obstacle(0, {packet_}).find("return type is void"), std::string::npos);
}

TEST_F(ComponentSignature, PointerToAnythingAsParameter) {
    const int anything = btf__add_ptr(types_.get(), 0);
    EXPECT_NE(obstacle(int_, {anything}).find("parameter is void *"), std::string::npos);
}

TEST_F(ComponentSignature, PointersToPointers) {
    const int outer = btf__add_ptr(types_.get(), packet_);
    EXPECT_NE(obstacle(int_, {outer}).find("parameter is struct xdp_md * *"), std::string::npos);
}

TEST_F(ComponentSignature, PointersInACircle) {
    const int itself = btf__add_ptr(types_.get(), static_cast<int>(btf__type_cnt(types_.get())));
    EXPECT_NE(obstacle(int_, {itself}).find("pointers without an end"), std::string::npos);
}

TEST_F(ComponentSignature, PointersInACircleOfSeveral) {
    const int circle = btf__add_ptr(types_.get(), static_cast<int>(btf__type_cnt(types_.get())) + 1);
    btf__add_const(types_.get(), circle);
    EXPECT_NE(obstacle(circle, {packet_}).find("pointers without an end"), std::string::npos);
}

TEST_F(ComponentSignature, NumberOfParameters) {
    EXPECT_NE(obstacle(int_, {packet_, int_}).find("2 parameters"), std::string::npos);
    EXPECT_NE(signature_obstacle(types_.get(), "other"), "");
}

TEST_F(ComponentSignature, TypesThatReferToNothing) {
    EXPECT_NE(obstacle(9999, {packet_}), "");
}

}  // namespace
}  // namespace tally::loader
