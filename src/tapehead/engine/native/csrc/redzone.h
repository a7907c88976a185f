// Gaps between the arrays of a buffer that AddressSanitizer guards; in any other build there are none.
#pragma once
#include "simd.h"
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace tapehead {

#if defined(__SANITIZE_ADDRESS__)
template <class F> constexpr Index kRedzone = 64 / sizeof(F);
template <class F> void close_redzone(F* p, Index n) { ASAN_POISON_MEMORY_REGION(p, n * sizeof(F)); }
template <class F> void open_redzones(F* p, Index n) { ASAN_UNPOISON_MEMORY_REGION(p, n * sizeof(F)); }
#else
template <class F> constexpr Index kRedzone = 0;
template <class F> void close_redzone(F*, Index) {}
template <class F> void open_redzones(F*, Index) {}
#endif

}  // namespace tapehead
