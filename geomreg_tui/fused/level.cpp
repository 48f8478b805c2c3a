// Which of the kernels this processor can run.

#include <stdint.h>

#include "kernel.h"

#if defined(__x86_64__)
#include <cpuid.h>

static bool has(unsigned leaf, unsigned bits_b, unsigned bits_c) {
    unsigned a, b, c, d;
    return __get_cpuid_count(leaf, 0, &a, &b, &c, &d) && (b & bits_b) == bits_b && (c & bits_c) == bits_c;
}

// 4 where it has the instructions of x86-64-v4, 3 for x86-64-v3, 0 for neither; and the system keeps the registers.
extern "C" int64_t geomreg_level() {
    if (!has(1, 0, bit_OSXSAVE | bit_AVX | bit_FMA | bit_MOVBE | bit_F16C)) return 0;
    unsigned kept, rest;
    __asm__("xgetbv" : "=a"(kept), "=d"(rest) : "c"(0));
    unsigned a, b, c, d;
    const bool lzcnt = __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & bit_LZCNT);
    if ((kept & 0x06) != 0x06 || !lzcnt || !has(7, bit_AVX2 | bit_BMI | bit_BMI2, 0)) return 0;
    const unsigned wide = bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL;
    return (kept & 0xe6) == 0xe6 && has(7, wide, 0) ? 4 : 3;
}
#else
// 8: aarch64, which always has what is needed.
extern "C" int64_t geomreg_level() { return 8; }
#endif

// The version of kernel.h that the library was built from.
extern "C" int64_t geomreg_interface() { return INTERFACE; }
