// What is passed to the kernel. geomreg_tui/fused/library.py holds the same structures for ctypes.

#pragma once
#include <stdint.h>

enum geomreg_law { NORMAL, UNIFORM, TRUNCATED, LAPLACE, BINARY };
enum geomreg_activation { RELU, LEAKY_RELU, TANH, SIGMOID, ERF, GELU, SILU, SIN, LINEAR, ABS };
enum geomreg_loss { MSE, MAE, HUBER, CROSS_ENTROPY, BCE, HINGE, ZERO_ONE };
enum geomreg_state { ALIVE, DEAD, UNCERTAIN };

constexpr int64_t INTERFACE = 1;  // changes with this file
constexpr int64_t MOST_COLUMNS = 256, MOST_OUTPUTS = 256;

struct geomreg_layer {
    int64_t outputs, inputs;
    int64_t parameters;  // weights and biases
    int64_t undrawn;     // radial: normals beyond one column to what is normalised; -1 where nothing is
    int64_t projected;   // whether it is given a root of its inputs' Gram matrix, and not the inputs
    double scale;        // factor on its inputs
    double offset;       // constant input whose weights are the biases; 0 for none
    double least;        // inputs of this size lie well inside the number format; 0: whatever they are
};

struct geomreg_plan {
    uint64_t seed;
    int64_t depth;  // layers, the readout included
    const geomreg_layer *layers;
    int64_t columns, stride, training;  // examples; their number in memory, a multiple of 4; those trained on
    int64_t outputs;
    int64_t activation, law, loss;
    const float *first;  // the matrix that the first layer is applied to, (first_rows, stride)
    int64_t first_rows, first_triangular;
    int64_t radial;        // whether norms alone are drawn
    int64_t single;        // one column, and every layer is projected
    int64_t watched;       // whether layers that are off are looked for
    double negative;       // radial: slope below 0, squared
    double norm;           // radial: of the input
    double radius;         // of the sphere or ball that the weights lie on or in; 0 for other laws
    double ball;           // one over the number of weights for a ball, else 0
    const double *targets;  // (columns, outputs)
    const int64_t *labels;  // (columns), null for real targets
    const double *low, *high;  // (columns): a single output between them is right
};

