// The sizes and switches of one call, as the caller passes them.
#pragma once
#include <algorithm>

#include "product.h"
#include "redzone.h"

namespace tapehead {

enum Kind { kNone = 0, kNTM = 1, kDNC = 2, kSparseNTM = 3, kSparseDNC = 4 };
constexpr int kMaxLayers = 16;
constexpr Index kMaxSlots = Index(1) << 24;  // of a memory: the sort of the free list packs a slot into 24 bits

// Every field of Dims, in the order of the caller's array of int64: CallSizes, then KernelConfig in ../../spec.py.
#define TAPEHEAD_DIMS(FIELD)                                                                  \
  FIELD(steps)          /* T */                                                               \
  FIELD(batch_size)     /* B */                                                               \
  FIELD(input_size)     /* numbers in an input, X */                                          \
  FIELD(threads)        /* at most so many */                                                 \
  FIELD(keep_tape)      /* 1: for a backward pass; 0: only what the next step needs */        \
  FIELD(kind)           /* of memory, a Kind */                                               \
  FIELD(output_size)    /* numbers in an output, Y; 0: the caller has its own output layer */ \
  FIELD(hidden_size)    /* units of a controller layer, H */                                  \
  FIELD(num_layers)     /* of the controller, L */                                            \
  FIELD(lstm)           /* 1: deep LSTM, 0: feed-forward */                                   \
  FIELD(interface_size) /* numbers in the interface vector, I */                              \
  FIELD(memory_size)    /* slots, N */                                                        \
  FIELD(word_size)      /* W */                                                               \
  FIELD(num_reads)      /* read heads, R */                                                   \
  FIELD(feed_reads)     /* the controller sees the words read in the step before */           \
  FIELD(num_writes)     /* write heads (NTM) */                                               \
  FIELD(max_shift)      /* slots that a shift reaches to each side (NTM) */                   \
  FIELD(read_first)     /* NTM: reads come before writes */                                   \
  FIELD(write_gate)     /* NTM: every write head has a gate */                                \
  FIELD(top_k)          /* sparse access: slots that a head reads, K */                       \
  FIELD(hash_tables)    /* the index by hash codes; 0: search exactly */                      \
  FIELD(hash_bits)      /* of a code */                                                       \
  FIELD(hash_probes)    /* bits in which a candidate's code may differ */                     \
  FIELD(hash_from)      /* so many written slots are still searched one by one */             \
  FIELD(max_links)      /* sparse access: links of a slot either way, K_L */                  \
  FIELD(temporal_links) /* DNC, as the four switches below */                                 \
  FIELD(masked_lookup)                                                                        \
  FIELD(deallocation)                                                                         \
  FIELD(link_sharpening)                                                                      \
  FIELD(usage_gradient)                                                                       \
  FIELD(interface_norm) /* a layer norm over the interface vector */                          \
  FIELD(output_bias)                                                                          \
  FIELD(given_state) /* 0: the machine's constant initial state, which the caller does not pass */

// The pieces of a machine's state, in the order in which the caller passes them; h and c of each layer follow.
enum StatePiece {
  kMemory,
  kUsage,
  kPrecedence,
  kLink,
  kBeforeWeights,
  kBeforeSlots,
  kAfterWeights,
  kAfterSlots,
  kWriteWeights,
  kReadWeights,
  kReadWords,
  kStatePieces
};

struct Dims {
#define TAPEHEAD_FIELD(name) Index name;
  TAPEHEAD_DIMS(TAPEHEAD_FIELD)
#undef TAPEHEAD_FIELD

  bool sparse() const { return kind == kSparseNTM || kind == kSparseDNC; }
  Index words() const { return num_reads * word_size; }
  Index fed_words() const { return feed_reads ? words() : 0; }  // of them, those that the controller sees
  Index gates() const { return lstm ? 4 * hidden_size : hidden_size; }  // rows of a layer's weight
  // Columns of a layer's weight: [x ; r ; h_{t−1} ; h^{l−1}], r where it is fed, h_{t−1} of an LSTM alone.
  Index layer_inputs(Index l) const {
    return input_size + fed_words() + (lstm ? hidden_size : 0) + (l > 0 ? hidden_size : 0);
  }
};

// A struct of where each field of an interface vector begins, with `end` behind the last one.
#define TAPEHEAD_FIELD_OFFSETS(Name, FIELDS)                               \
  struct Name {                                                            \
    FIELDS(TAPEHEAD_FIELD_MEMBER) Index end;                               \
    explicit Name(const Dims& d) : end(0) { FIELDS(TAPEHEAD_FIELD_BEGIN) } \
  };
#define TAPEHEAD_FIELD_MEMBER(name, size) Index name;
#define TAPEHEAD_FIELD_BEGIN(name, size) name = end, end += size;

// Hands out consecutive aligned arrays of a buffer; over a null buffer it only adds up the size.
template <class F> struct Arena {
  F* base;
  Index used = 0;
  F* take(Index n) {
    F* p = base ? base + used : nullptr;
    const Index size = padded<F>(n);
    if (p) close_redzone(p + size, kRedzone<F>);
    used += size + kRedzone<F>;
    return p;
  }
};

}  // namespace tapehead
