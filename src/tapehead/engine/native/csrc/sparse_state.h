// What sparse access keeps: of a step, of a sequence's memory in the midst of a run, of gradients on the way back.
#pragma once
#include "content.h"
#include "hash.h"
#include "links.h"
#include "rows.h"
#include "search.h"
#include "usage.h"

namespace tapehead {

// The fields of the interface vector (SparseInterface in nn/interface.py), each with its size for the sizes d.
#define TAPEHEAD_SPARSE_FIELDS(FIELD)        \
  FIELD(read_keys, d.num_reads* d.word_size) \
  FIELD(read_strengths, d.num_reads)         \
  FIELD(add, d.num_writes* d.word_size)      \
  FIELD(gates, d.num_writes)                 \
  FIELD(write_gates, d.num_writes)           \
  FIELD(read_modes, d.temporal_links ? 3 * d.num_reads : 0)

TAPEHEAD_FIELD_OFFSETS(SparseFields, TAPEHEAD_SPARSE_FIELDS)

constexpr double kAccessThreshold = 0.005;  // ACCESS_THRESHOLD of functional/_sparse.py

// Of every row of a slot that was read, links to slots last read: at most so many either way.
inline Index links_kept(const Dims& d) { return d.temporal_links ? std::min<Index>(d.top_k, kMaxLinks) : 0; }

// What a step leaves for the next one and for the backward pass. Of each read head: the K slots most like its key, the
// most similar first, with −1 where there were fewer, and what stood in them; and the K slots read, in the same way,
// which with temporal links may be others. Whole numbers are kept as F: slots are below 2^24.
template <class F> struct SparseRecord {
  F *fields, *similar, *content, *similarity, *inverse, *similar_rows;
  F *slots, *weights, *rows;
  F* least;                       // the slot that each write head emptied
  F *place, *forward, *backward;  // with temporal links, of a slot read: its place in `similar` or −1, f and b
  F *link_weights, *link_places;  // and its links, before's and then after's, to places among the slots last read
  SparseRecord(const Dims& d, Arena<F>& arena) {
    const Index read = d.num_reads * d.top_k, linked = d.temporal_links ? read : 0;
    fields = arena.take(d.interface_size);
    slots = similar = arena.take(read);
    weights = content = arena.take(read);
    similarity = arena.take(read);
    inverse = arena.take(read);  // inverse norms of the rows
    rows = similar_rows = arena.take(read * d.word_size);
    least = arena.take(d.num_writes);
    if (linked) slots = arena.take(read), weights = arena.take(read), rows = arena.take(read * d.word_size);
    place = arena.take(linked);
    forward = arena.take(linked);
    backward = arena.take(linked);
    link_weights = arena.take(2 * linked * links_kept(d));
    link_places = arena.take(2 * linked * links_kept(d));
  }
};

// Gradients that flow from step t + 1 back into step t.
template <class F> struct SparseGradient {
  F* weights;  // of the K slots of each head
  RowGradients<F> memory;
  SparseGradient(const Dims& d, Arena<F>& arena) { weights = arena.take(d.num_reads * d.top_k); }
};

// Where the caller has a sequence's part of what a run changes where it lies.
template <class F> struct SparseArrays {
  F *memory, *usage;  // [N, W], [N]
  F* links[4];        // [N, kMaxLinks]: before's weights and slots, after's
};

// A memory in the midst of a sequence, and what finds rows in it.
template <class F> struct SparseLive {
  F *M = nullptr, *usage = nullptr;  // [N][W], [N]
  F clock = 0;                       // the greatest of usage
  Ages<F> ages;
  std::vector<F> inverse;  // 1 / norm of each row up to the last one written; NaN where nothing was written
  Index written = 0;       // rows that are not
  HashIndex<F> index;      // of them, when they are many
  TemporalLinks<F> links;
  Zeros<int32_t> mark;  // [N], with links: scratch that is zero between its uses
};

// What one read head has for a slot: by content and by links.
template <class F> struct Mixed {
  Index slot, place;  // −1 where the slot is not among the similar ones
  F content, forward, backward;
};

// Scratch of one thread.
template <class F> struct SparseScratch {
  F *queries, *scores, *d_fields, *d_weights, *d_content, *d_last;
  std::vector<Index> slots;
  WeightedList<F> written, accessed;
  std::vector<Best<F>> best;
  std::vector<int32_t> candidates;
  std::vector<Mixed<F>> mixed;
  SparseScratch(const Dims& d, Arena<F>& arena) {
    const Index read = d.num_reads * d.top_k;
    queries = arena.take(d.num_reads * d.word_size);
    scores = arena.take(read);
    d_fields = arena.take(d.interface_size);
    d_weights = arena.take(read);
    d_content = arena.take(read);
    d_last = arena.take(read);
    slots.resize(read);
  }
};

}  // namespace tapehead
