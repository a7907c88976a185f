// What the functions of the C interface return.
#pragma once
#include <new>

namespace tapehead {

enum Code { kDone, kUnknownKind, kBadSizes, kBadInterface, kBadLengths, kBadChoice, kNoMoreMemory, kUnexpected };

inline const char* sentence(int code) {
  switch (code) {
    case kDone: return "nothing went wrong";
    case kUnknownKind: return "the kind of memory is none that the kernel knows";
    case kBadSizes: return "a size is out of range";
    case kBadInterface: return "the size of the interface vector is not the sum of its fields";
    case kBadLengths: return "a length is not within 1 and the number of steps";
    case kBadChoice: return "the choice of the next input is none between the machine's channels";
    case kNoMoreMemory: return "the system has no more memory";
    default: return "the kernel failed for a reason it does not know";
  }
}

// What `work` returns, or the code of what it throws.
template <class Work> int guarded(Work work) noexcept {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return kNoMoreMemory;
  } catch (...) {
    return kUnexpected;
  }
}

}  // namespace tapehead
