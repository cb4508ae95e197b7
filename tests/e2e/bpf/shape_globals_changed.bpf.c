/* The next version of shape_globals: another constant in .rodata, the variables are the same. */
#define OVER_LIMIT XDP_TX
#include "shape_globals.bpf.c"
