# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# arm64 with Debian's cross compiler and its multiarch libraries (scripts/install-deps arm64).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

# pkg-config would otherwise find the libraries of the machine that compiles.
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig)

# Tests run in it, those that CMake lists test cases of included.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64)
