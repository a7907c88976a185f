// Work on several threads, of which no exception leaves a thread.
#pragma once
#include <unistd.h>

#include <atomic>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

#include "simd.h"

namespace tapehead {

// The process that loaded the engine.
inline const pid_t kLoadedBy = getpid();

// The first exception of several threads.
class FirstError {
  std::atomic<bool> seen{false};
  std::exception_ptr error;

 public:
  template <class Work> void guard(Work work, Index part) noexcept {
    try {
      work(part);
    } catch (...) {
      if (!seen.exchange(true)) error = std::current_exception();
    }
  }
  // After all threads have ended.
  void rethrow() const {
    if (error) std::rethrow_exception(error);
  }
};

// work(0) … work(count − 1) on threads that are started for it. All have ended when this returns or throws.
template <class Work> void on_new_threads(Index count, Work work) {
  FirstError error;
  std::vector<std::thread> others;
  others.reserve(count - 1);
  for (Index c = 1; c < count; c++) {
    auto part = [&error, &work, c] { error.guard<Work&>(work, c); };
    try {
      others.emplace_back(part);
    } catch (...) {  // the system gives no more threads or no memory for one: this thread does the part
      part();
    }
  }
  error.guard<Work&>(work, 0);
  for (auto& thread : others) thread.join();
  error.rethrow();
}

// work(0) … work(count − 1), each on a thread of its own; throws what one of them has thrown.
template <class Work> void in_parallel(Index count, Work work) {
  if (count == 1) return work(0);
#if defined(_OPENMP)
  // PyTorch's own threads, where the compiler's OpenMP is PyTorch's: they keep spinning for a while after its
  // last operation, on the very cores that new threads would need. A forked child has none of them.
  if (getpid() == kLoadedBy) {
    FirstError error;
#pragma omp parallel for schedule(static, 1) num_threads(int(count))
    for (Index c = 0; c < count; c++) error.guard<Work&>(work, c);
    return error.rethrow();
  }
#endif
  on_new_threads<Work&>(count, work);
}

}  // namespace tapehead
