// Tiles of the two Gram matrices of a layer, and their product, summed into the kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "blas.hpp"
#include "buffer.hpp"
#include "forms.hpp"
#include "run.hpp"

namespace deepntk {

// Where the kernel goes: n x n2 blocks of `entries` numbers. Only the lower triangle is filled where
// symmetric.
struct KernelOutput {
  KernelForm form;
  bool symmetric;
  std::size_t n, n2, outputs;
  double* kernel;
  double* weights;  // one layer's parts, or null
  double* biases;

  std::size_t entries() const { return entriesOf(form, outputs); }
};

// The activations and deltas of the inputs that a Gram matrix's rows, or its columns, belong to.
template <typename T>
struct GramSide {
  const T* activations;  // inputs x activationWidth; null where there is no weight term
  const T* deltas;       // (inputs * chains) x deltaWidth; null where the deltas are the identity
};

// One layer, as its Gram matrices see it.
template <typename T>
struct GramLayer {
  GramSide<T> rows, columns;  // the same where symmetric
  std::size_t activationWidth;
  bool identity;           // the deltas are the identity (the output layer)
  std::size_t deltaWidth;  // may be 0: a layer that no input activates
  std::size_t chains;      // delta rows of one input
  // The term is (weightTerm 2^activationExponent A A' + biasTerm) o (2^deltaExponent D D').
  double weightTerm, biasTerm;
  int activationExponent, deltaExponent;
};

struct Tile {
  std::size_t row, column, rows, columns;  // in inputs
};

// The tiles that cover the kernel; of a symmetric one, its lower triangle. Row tiles and column tiles have
// edge `edge`.
std::vector<Tile> tilesOf(const KernelOutput& output, std::size_t edge);

// Scratch of one thread.
template <typename T>
struct TileScratch {
  Buffer<T> activations, deltas;
};

// kernel += the layer's term, on one tile.
template <typename T>
void addTile(const Run& run, const GramLayer<T>& layer, const Tile& tile, const KernelOutput& output,
             TileScratch<T>& scratch);

// Copies the lower triangle of one tile's rows to the upper.
void mirrorTile(const Tile& tile, const KernelOutput& output);

}  // namespace deepntk
