// Losses of random networks, one network at a time and without leaving the cache.
//
// A layer is a product z = g A of fresh random numbers g (outputs x rows) and a matrix A (rows x columns) that
// all its units share: the activations of the layer below, or, where that is cheaper and the law allows it, a
// root of their Gram matrix (see geomreg_tui/sampling/projected.py). Random numbers are drawn 64 units at a
// time, multiplied, passed through the activation and folded into the next Gram matrix, so that neither
// weights nor activations are ever written to memory.
//
// What is promised: the bits of a network depend on the plan, the seed and the number of the network, and on
// nothing else. Every sum has one order, written here: products go up the rows of A one fused multiply-add
// after the other, Gram matrices have four partial sums. Lanes only ever hold numbers that do not meet. Nothing
// is computed by a library; division, square root and fused multiply-add are those of IEEE 754 on every
// processor. So the width of the processor's registers changes the speed alone.
//
// The polynomials come from benchmarks/polynomials.py. Compiled once for each instruction set, under the name
// that LEVEL gives; see hatch_build.py.

#include <stdint.h>
#include <string.h>

#include "kernel.h"

#define JOIN(a, b) a##b
#define NAMED(a, b) JOIN(a, b)
#define INLINE inline __attribute__((always_inline))

namespace {

// ---- Lanes ------------------------------------------------------------------------------------------------

template <class T, int N>
struct LanesOf {
    typedef T type __attribute__((vector_size(sizeof(T) * N)));
};
template <class T, int N>
using Lanes = typename LanesOf<T, N>::type;

using Float16 = Lanes<float, 16>;
using Float8 = Lanes<float, 8>;
using Double4 = Lanes<double, 4>;
using Double16 = Lanes<double, 16>;
using Int16 = Lanes<int32_t, 16>;
using Word16 = Lanes<uint32_t, 16>;
using Long16 = Lanes<uint64_t, 16>;

template <class V>
INLINE V load(const void *from) {
    V lanes;
    memcpy(&lanes, from, sizeof lanes);
    return lanes;
}
template <class V>
INLINE void store(void *to, V lanes) {
    memcpy(to, &lanes, sizeof lanes);
}
template <class V, class S>
INLINE V all(S value) {
    return V{} + value;
}
template <class V>
INLINE V fma(V a, V b, V c) {
    return __builtin_elementwise_fma(a, b, c);
}
INLINE double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
INLINE Float16 root_of(Float16 x) { return __builtin_elementwise_sqrt(x); }
template <class To, class From>
INLINE To as(From lanes) {
    return (To)lanes;
}
INLINE Float16 to_float(Int16 lanes) { return __builtin_convertvector(lanes, Float16); }
INLINE Float16 absolute(Float16 x) { return as<Float16>(as<Word16>(x) & 0x7fffffffu); }
INLINE Float16 with_sign_of(Float16 size, Float16 x) {
    return as<Float16>(as<Word16>(size) | (as<Word16>(x) & 0x80000000u));
}

// The polynomial with the given coefficients, highest power first.
template <class V, int N>
INLINE V polynomial(V x, const float (&terms)[N]) {
    V sum = all<V>(terms[0]);
    for (int i = 1; i < N; i++) sum = fma(sum, x, all<V>(terms[i]));
    return sum;
}

// ---- Elementary functions of float32, to a few units in the last place --------------------------------------

// log(u) for normal positive u.
INLINE Float16 log_of(Float16 u) {
    static constexpr float terms[] = {-0.0790274377f, 0.126223198f,  -0.129981838f, 0.142144959f,
                                      -0.166412815f,  0.200010451f, -0.250003064f, 0.333333307f};
    Int16 bits = as<Int16>(u);
    Int16 exponent = (bits - 0x3f3504f3) >> 23;  // of the power of two that leaves [1/sqrt(2), sqrt(2))
    Float16 f = as<Float16>(bits - (exponent << 23)) - 1.0f;
    Float16 rest = fma(polynomial(f, terms), f, all<Float16>(-0.5f));
    return fma(to_float(exponent), all<Float16>(0.693147181f), fma(rest, f * f, f));
}

// exp(x), 0 below -87.3 and constant above 88.
INLINE Float16 exp_of(Float16 x) {
    static constexpr float terms[] = {0.00139261761f, 0.00836317307f, 0.0416665547f, 0.16666577f, 0.5f};
    Float16 low = all<Float16>(-87.3f), high = all<Float16>(88.0f);
    Float16 inside = x > high ? high : (x < low ? low : x);  // not a number stays one
    Float16 shifted = fma(inside, all<Float16>(1.44269504f), all<Float16>(12582912.0f));
    Float16 whole = shifted - 12582912.0f;
    Float16 r = fma(whole, all<Float16>(-0.693359375f), inside);
    r = fma(whole, all<Float16>(2.12194440e-4f), r);
    Float16 value = fma(polynomial(r, terms), r * r, r) + 1.0f;
    Int16 power = (as<Int16>(shifted) - 0x4b400000 + 127) << 23;
    Float16 result = value * as<Float16>(power);
    return x < low ? Float16{} : result;
}

// sin(pi s) and cos(pi s) for |s| <= 1/2.
INLINE Float16 sin_half_turns(Float16 s) {
    static constexpr float terms[] = {-0.00702830386f, 0.0820503502f, -0.599252187f,
                                      2.55016332f,     -5.16771276f,  3.14159265f};
    return polynomial(s * s, terms) * s;
}
INLINE Float16 cos_half_turns(Float16 s) {
    static constexpr float terms[] = {-0.0243964822f, 0.234937378f, -1.33521201f, 4.05870916f, -4.93480214f, 1.0f};
    return polynomial(s * s, terms);
}

// ---- Elementary functions of float64 -------------------------------------------------------------------------

INLINE double bits_as_double(int64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
INLINE int64_t double_as_bits(double value) {
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}
INLINE double square_root(double x) { return __builtin_sqrt(x); }
INLINE double size_of(double x) { return __builtin_fabs(x); }

// exp(x) for x <= 709 by its series, after multiples of log(2) are taken out; 0 below -708.
double exp_of(double x) {
    if (!(x >= -708.0)) return x != x ? x : 0.0;
    double whole = __builtin_floor(fma(x, 1.4426950408889634, 0.5));
    double r = fma(whole, -0.6931471805599453, x);
    r = fma(whole, -2.3190468138462996e-17, r);
    double sum = 1.0;
    for (int k = 14; k > 0; k--) sum = fma(sum * r, 1.0 / k, 1.0);
    return sum * bits_as_double(((int64_t)whole + 1023) << 52);
}

// log(x) for normal positive x, by the series of the inverse hyperbolic tangent.
double log_of(double x) {
    int64_t bits = double_as_bits(x);
    int64_t exponent = (bits - 0x3fe6a09e667f3bcd) >> 52;
    double f = bits_as_double(bits - exponent * ((int64_t)1 << 52)) - 1.0;
    double s = f / (2.0 + f), square = s * s, sum = 0.0;
    for (int k = 23; k > 1; k -= 2) sum = fma(sum, square, 1.0 / k);
    double fraction = fma(2.0 * s * square, sum, 2.0 * s);
    return fma((double)exponent, 0.6931471805599453, fma((double)exponent, 2.3190468138462996e-17, fraction));
}

// log(1 + x) and exp(x) - 1 with relative precision near 0 (Kahan; Higham 2002, section 1.14.1).
double log1p_of(double x) {
    double sum = 1.0 + x;
    return sum == 1.0 ? x : log_of(sum) * (x / (sum - 1.0));
}
double expm1_of(double x) {
    double value = exp_of(x);
    if (value == 1.0) return x;
    double less = value - 1.0;
    return less == -1.0 ? -1.0 : less * (x / log_of(value));
}

// ---- Random numbers ------------------------------------------------------------------------------------------

// Sixteen xoshiro128++ generators (Blackman & Vigna 2021), one in each lane.
struct Stream {
    Word16 a, b, c, d;
};

template <int K>
INLINE Word16 rotate(Word16 x) {
    return (x << K) | (x >> (32 - K));
}

INLINE Word16 next(Stream &s) {
    Word16 result = rotate<7>(s.a + s.d) + s.a;
    Word16 shifted = s.b << 9;
    s.c ^= s.a;
    s.d ^= s.b;
    s.b ^= s.c;
    s.a ^= s.d;
    s.c ^= shifted;
    s.d = rotate<11>(s.d);
    return result;
}

enum Purpose : uint32_t { NETWORKS = 0, NORMS = 1 };

// The stream of a number (of a network, or of a block of them): each lane begins with the four words that
// Philox4x32-10 (Salmon et al. 2011) gives for the counter (lane, purpose, number) and the seed as its key.
INLINE Stream stream_of(uint64_t seed, uint32_t purpose, uint64_t number) {
    const Word16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    Word16 c0 = lane, c1 = all<Word16>(purpose), c2 = all<Word16>((uint32_t)number),
           c3 = all<Word16>((uint32_t)(number >> 32));
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        Long16 first = __builtin_convertvector(c0, Long16) * 0xD2511F53ull;
        Long16 second = __builtin_convertvector(c2, Long16) * 0xCD9E8D57ull;
        Word16 first_high = __builtin_convertvector(first >> 32, Word16);
        Word16 second_high = __builtin_convertvector(second >> 32, Word16);
        c0 = second_high ^ c1 ^ k0;
        c1 = __builtin_convertvector(second, Word16);
        c2 = first_high ^ c3 ^ k1;
        c3 = __builtin_convertvector(first, Word16);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return {c0, c1, c2, c3};
}

// A number of (0, 1], one of 2^31 that are evenly spaced but for the rounding of those near 1.
INLINE Float16 open_unit(Word16 word) {
    return fma(to_float(as<Int16>(word >> 1)), all<Float16>(0x1p-31f), all<Float16>(0x1p-32f));
}

// Two words become two standard normals (Box & Muller 1958). They reach 6.66 standard deviations.
INLINE void normal_pair(Word16 x, Word16 y, Float16 &first, Float16 &second) {
    Float16 radius = root_of(log_of(open_unit(x)) * -2.0f);
    Float16 turns = to_float(as<Int16>(y)) * 0x1p-32f;  // [-1/2, 1/2] half turns; the lowest bit tells the half
    first = radius * sin_half_turns(turns);
    second = as<Float16>(as<Word16>(radius) ^ (y << 31)) * cos_half_turns(turns);
}

// Laws of independent entries, in their standard forms.
struct Normal {
    static INLINE void pair(Stream &s, Float16 &first, Float16 &second) {
        Word16 x = next(s), y = next(s);
        normal_pair(x, y, first, second);
    }
};
template <class Law>
struct OneByOne {
    static INLINE void pair(Stream &s, Float16 &first, Float16 &second) {
        first = Law::one(next(s));
        second = Law::one(next(s));
    }
};
struct Uniform : OneByOne<Uniform> {  // on [-1, 1]
    static INLINE Float16 one(Word16 x) { return to_float(as<Int16>(x)) * 0x1p-31f; }
};
struct Truncated : OneByOne<Truncated> {  // a normal cut at two standard deviations, with variance 1
    static INLINE Float16 one(Word16 x) {
        static constexpr float terms[] = {-6.59868418e-06f, 9.23679817e-05f, -0.000220065844f, -0.00327158123f,
                                          0.0163213275f,    0.328118647f,    1.25331409f};
        Float16 share = to_float(as<Int16>(x)) * (0.954499736f * 0x1p-31f);
        Float16 w = -log_of(fma(-share, share, all<Float16>(1.0f)));
        return polynomial(w, terms) * share * 1.13684723f;
    }
};
struct Laplace : OneByOne<Laplace> {  // density exp(-|x|) / 2
    static INLINE Float16 one(Word16 x) { return as<Float16>(as<Word16>(log_of(open_unit(x))) ^ (x << 31)); }
};
struct Binary : OneByOne<Binary> {  // -1 or 1
    static INLINE Float16 one(Word16 x) { return as<Float16>((x & 0x80000000u) | 0x3f800000u); }
};

// Draw `count` numbers, and up to 31 more where it is not a multiple of 32.
template <class Law>
void fill(float *out, int64_t count, Stream &stream) {
    Stream s = stream;
    for (int64_t i = 0; i < count; i += 32) {
        Float16 first, second;
        Law::pair(s, first, second);
        store(out + i, first);
        store(out + i + 16, second);
    }
    stream = s;
}
using Fill = void (*)(float *, int64_t, Stream &);
constexpr Fill fills[] = {fill<Normal>, fill<Uniform>, fill<Truncated>, fill<Laplace>, fill<Binary>};

// Normals and numbers of (0, 1) one at a time, for what is rejected now and then.
struct Spare {
    Stream &stream;
    int left = 0;
    float normals[32];
    float units[32];

    explicit Spare(Stream &s) : stream(s) {}

    INLINE void draw(double &normal, double &unit) {
        if (!left) {
            fill<Normal>(normals, 32, stream);
            for (int half = 0; half < 32; half += 16) {
                Word16 word = next(stream);
                store(units + half, fma(to_float(as<Int16>(word >> 8)), all<Float16>(0x1p-24f), all<Float16>(0x1p-25f)));
            }
            left = 32;
        }
        left--;
        normal = normals[left];
        unit = units[left];
    }
};

// Marsaglia & Tsang's (2000) candidate for half a chi-square number; not positive where it is rejected.
INLINE double gamma_candidate(double shape, double normal, double unit) {
    double d = shape - 1.0 / 3.0, v = fma(normal, 1.0 / square_root(9.0 * d), 1.0);
    if (!(v > 0.0)) return -1.0;
    v = v * v * v;
    double square = normal * normal;
    if (unit < 1.0 - 0.0331 * square * square) return d * v;
    return log_of(unit) < 0.5 * square + d - d * v + d * log_of(v) ? d * v : -1.0;
}

// A chi-square number of `freedom` degrees; 0 for none.
double chi_square(int64_t freedom, Spare &spare) {
    if (freedom <= 0) return 0.0;
    if (freedom == 1) {
        double normal, unit;
        spare.draw(normal, unit);
        return normal * normal;
    }
    for (;;) {
        double normal, unit;
        spare.draw(normal, unit);
        double drawn = gamma_candidate(0.5 * freedom, normal, unit);
        if (drawn > 0.0) return 2.0 * drawn;
    }
}

// ---- Activations, in torch's definitions ---------------------------------------------------------------------

INLINE Float16 erf_of(Float16 x) {
    static constexpr float near[] = {7.87587506e-05f, -0.000801686429f, 0.00518908742f, -0.026854212f,
                                     0.112835947f,    -0.376126267f,    1.12837917f};
    static constexpr float far[] = {-1.26572743e-05f, 0.000306511444f, -0.00335892069f, 0.0223268913f,
                                    -0.102672431f,    0.360088647f,    -1.12537341f,    -0.00091056522f};
    Float16 size = absolute(x), inside = size > 4.1f ? all<Float16>(4.1f) : size;
    Float16 outer = 1.0f - exp_of(fma(-inside, inside, polynomial(inside, far)));
    return size < 1.0f ? polynomial(x * x, near) * x : with_sign_of(outer, x);
}
INLINE Float16 sigmoid_of(Float16 x) { return 1.0f / (1.0f + exp_of(-x)); }

struct Relu {
    static INLINE Float16 of(Float16 x) { return x < 0.0f ? Float16{} : x; }
};
struct LeakyRelu {
    static INLINE Float16 of(Float16 x) { return x < 0.0f ? x * 0.01f : x; }
};
struct Tanh {
    static INLINE Float16 of(Float16 x) {
        static constexpr float terms[] = {-0.00609671417f, 0.020997179f, -0.0538509096f, 0.133327697f, -0.333333289f};
        Float16 size = absolute(x), square = x * x;
        Float16 outer = 1.0f - 2.0f / (exp_of(size + size) + 1.0f);
        return size < 0.625f ? fma(polynomial(square, terms) * square, x, x) : with_sign_of(outer, x);
    }
};
struct Sigmoid {
    static INLINE Float16 of(Float16 x) { return sigmoid_of(x); }
};
struct Erf {
    static INLINE Float16 of(Float16 x) { return erf_of(x); }
};
struct Gelu {
    static INLINE Float16 of(Float16 x) { return 0.5f * x * (1.0f + erf_of(x * 0.707106781f)); }
};
struct Silu {
    static INLINE Float16 of(Float16 x) { return x / (1.0f + exp_of(-x)); }
};
struct Sin {
    static INLINE Float16 of(Float16 x) {
        constexpr double shift = 6755399441055744.0;  // 1.5 * 2^52: what is added to it becomes whole
        Double16 turns = __builtin_convertvector(x, Double16) * 0.31830988618379067;
        Double16 shifted = turns + shift;
        Lanes<int64_t, 16> odd = as<Lanes<int64_t, 16>>(shifted) << 63;
        Float16 sine = sin_half_turns(__builtin_convertvector(turns - (shifted - shift), Float16));
        Word16 sign = __builtin_convertvector(as<Long16>(odd) >> 32, Word16);
        return as<Float16>(as<Word16>(sine) ^ sign);
    }
};
struct Linear {
    static INLINE Float16 of(Float16 x) { return x; }
};
struct Abs {
    static INLINE Float16 of(Float16 x) { return absolute(x); }
};

// ---- A layer, 64 units at a time -------------------------------------------------------------------------------

constexpr int64_t TILE = 64;    // units
constexpr int64_t BLOCK = 64;   // rows of A for which numbers are drawn at once
constexpr int64_t SINGLE = 1024;  // numbers that are drawn at once for a single column
constexpr int64_t RADIAL = 1024;  // networks that share a stream where only norms are drawn

// A: `rows` rows of `stride` numbers; where it is triangular, column j has nothing below row j.
struct Matrix {
    const float *numbers;
    int64_t rows, stride;
    bool triangular;
};

// z[j * units + t] = sum over rows k of A[k][j] g[k * units + t], for the columns of A and `units` units, a
// multiple of 16. `begin`: whether the sums begin here; `end`: whether they end here and become activations.
template <class Activation, class Out>
void multiply(const float *g, int64_t units, const Matrix &a, int64_t row, int64_t rows, bool begin, bool end, float *z,
              Out *h) {
    const int64_t stride = a.stride;
    for (int64_t j = 0; j < stride; j += 4) {
        int64_t needed = a.triangular && j + 4 - row < rows ? j + 4 - row : rows;
        const float *numbers = a.numbers + row * stride + j;
        for (int64_t t = 0; t < units; t += 16) {
            Float16 sum[4];
            for (int i = 0; i < 4; i++) sum[i] = begin ? Float16{} : load<Float16>(z + (j + i) * units + t);
            for (int64_t k = 0; k < needed; k++) {
                Float16 drawn = load<Float16>(g + k * units + t);
                for (int i = 0; i < 4; i++) sum[i] = fma(all<Float16>(numbers[k * stride + i]), drawn, sum[i]);
            }
            for (int i = 0; i < 4; i++) {
                if (!end) {
                    store(z + (j + i) * units + t, sum[i]);
                } else if (sizeof(Out) == sizeof(double)) {
                    store(h + (j + i) * units + t, __builtin_convertvector(Activation::of(sum[i]), Double16));
                } else {
                    store(h + (j + i) * units + t, Activation::of(sum[i]));
                }
            }
        }
    }
}

// Replace g by phi(factor * g), `count` numbers, a multiple of 16.
template <class Activation>
void activate(float *g, int64_t count, float factor) {
    for (int64_t i = 0; i < count; i += 16) store(g + i, Activation::of(load<Float16>(g + i) * factor));
}

struct Functions {
    void (*to_gram)(const float *, int64_t, const Matrix &, int64_t, int64_t, bool, bool, float *, double *);
    void (*to_next)(const float *, int64_t, const Matrix &, int64_t, int64_t, bool, bool, float *, float *);
    void (*activate)(float *, int64_t, float);
};
template <class Activation>
constexpr Functions functions_of() {
    return {multiply<Activation, double>, multiply<Activation, float>, activate<Activation>};
}
constexpr Functions functions[] = {functions_of<Relu>(),    functions_of<LeakyRelu>(), functions_of<Tanh>(),
                                   functions_of<Sigmoid>(), functions_of<Erf>(),       functions_of<Gelu>(),
                                   functions_of<Silu>(),    functions_of<Sin>(),       functions_of<Linear>(),
                                   functions_of<Abs>()};

// ---- Gram matrices and their roots -----------------------------------------------------------------------------

// Four partial sums of each product of columns, for blocks of 2 x 4 columns on and above the diagonal.
int64_t gram_blocks(int64_t stride) {
    int64_t blocks = 0;
    for (int64_t i = 0; i < stride; i += 2) blocks += (stride - i / 4 * 4) / 4;
    return blocks;
}

void add_to_gram(const double *h, int64_t units, int64_t stride, double *sums) {
    for (int64_t i = 0; i < stride; i += 2) {
        for (int64_t j = i / 4 * 4; j < stride; j += 4, sums += 32) {
            Double4 sum[2][4];
            for (int p = 0; p < 8; p++) sum[p / 4][p % 4] = load<Double4>(sums + 4 * p);
            const double *left = h + i * units, *right = h + j * units;
            for (int64_t t = 0; t < units; t += 4) {
                Double4 first = load<Double4>(left + t), second = load<Double4>(left + units + t);
                for (int q = 0; q < 4; q++) {
                    Double4 other = load<Double4>(right + q * units + t);
                    sum[0][q] = fma(first, other, sum[0][q]);
                    sum[1][q] = fma(second, other, sum[1][q]);
                }
            }
            for (int p = 0; p < 8; p++) store(sums + 4 * p, sum[p / 4][p % 4]);
        }
    }
}

INLINE double total(const double *sums) { return (sums[0] + sums[1]) + (sums[2] + sums[3]); }

// G[i][j] = scale^2 (sum) + offset^2 for j >= i, in rows of `stride` numbers.
void gather_gram(const double *sums, int64_t stride, double scale, double offset, double *gram) {
    for (int64_t i = 0; i < stride; i += 2) {
        for (int64_t j = i / 4 * 4; j < stride; j += 4, sums += 32) {
            for (int p = 0; p < 8; p++)
                gram[(i + p / 4) * stride + j + p % 4] = fma(total(sums + 4 * p), scale * scale, offset * offset);
        }
    }
}

constexpr double SMALL_PIVOT = 1e-10;                       // below it the rows are taken in another order
constexpr double NO_PIVOT = 16 * 2.220446049250313e-16;  // below it what is left is rounding

// The upper triangular R with R^T R = G (Cholesky), float32; whether every pivot was large enough for it.
bool triangular_root(double *gram, int64_t columns, int64_t stride, float *root) {
    double diagonal[MOST_COLUMNS];
    for (int64_t j = 0; j < columns; j++) diagonal[j] = gram[j * stride + j];
    memset(root, 0, sizeof(float) * stride * stride);
    for (int64_t j = 0; j < columns; j++) {
        double *row = gram + j * stride, pivot = row[j];
        if (diagonal[j] == 0.0) continue;
        if (pivot <= diagonal[j] * SMALL_PIVOT) return false;
        const double factor = 1.0 / square_root(pivot);
        for (int64_t k = j; k < columns; k++) row[k] *= factor;
        for (int64_t i = j + 1; i < columns; i++) {
            double *other = gram + i * stride;
            const int64_t from = i / 4 * 4;
            const Double4 part = all<Double4>(-row[i]);
            for (int64_t k = from; k < stride; k += 4)
                store(other + k, fma(part, load<Double4>(row + k), load<Double4>(other + k)));
        }
        for (int64_t k = j; k < columns; k++) root[j * stride + k] = (float)row[k];
    }
    return true;
}

// Rows of R with R^T R = G for a G that is singular or nearly so; returns how many. The largest pivot of the
// correlation matrix comes first, and what rounding leaves of the others is dropped.
int64_t pivoted_root(double *gram, int64_t columns, int64_t stride, float *root) {
    double size[MOST_COLUMNS];
    bool done[MOST_COLUMNS];
    memset(root, 0, sizeof(float) * stride * stride);
    for (int64_t i = 0; i < columns; i++) {
        const double square = gram[i * stride + i];
        done[i] = !(square != 0.0);
        size[i] = square_root(square);
    }
    for (int64_t i = 0; i < columns; i++)
        for (int64_t k = i; k < columns; k++) {
            const double product = size[i] * size[k];
            const double value = product != 0.0 ? gram[i * stride + k] / product : 0.0;
            gram[i * stride + k] = gram[k * stride + i] = value;
        }
    int64_t rank = 0;
    for (; rank < columns; rank++) {
        int64_t best = -1;
        double pivot = NO_PIVOT;
        for (int64_t i = 0; i < columns; i++)
            if (!done[i] && !(gram[i * stride + i] <= pivot)) pivot = gram[i * stride + i], best = i;
        if (best < 0) break;
        double *row = gram + best * stride;
        done[best] = true;
        const double length = square_root(pivot), factor = 1.0 / length;
        for (int64_t k = 0; k < columns; k++) {
            if (done[k]) continue;
            row[k] *= factor;
            root[rank * stride + k] = (float)(row[k] * size[k]);
        }
        root[rank * stride + best] = (float)(length * size[best]);
        for (int64_t i = 0; i < columns; i++) {
            if (done[i]) continue;
            double *other = gram + i * stride;
            for (int64_t k = 0; k < columns; k++)
                if (!done[k]) other[k] = fma(-row[i], row[k], other[k]);
        }
    }
    return rank;
}

// The root of the Gram matrix that has been summed.
Matrix root_of_sums(const double *sums, int64_t columns, int64_t stride, double scale, double offset, double *gram,
                    float *root) {
    gather_gram(sums, stride, scale, offset, gram);
    if (triangular_root(gram, columns, stride, root)) return {root, columns, stride, true};
    gather_gram(sums, stride, scale, offset, gram);
    int64_t rank = pivoted_root(gram, columns, stride, root);
    return {root, rank ? rank : 1, stride, false};
}

// ---- Losses ----------------------------------------------------------------------------------------------------

// Whether outputs (C) predict the class of an example; ties and what is not a number are wrong.
bool is_right(const geomreg_plan &plan, const double *outputs, int64_t example) {
    if (plan.outputs == 1) return outputs[0] > plan.low[example] && outputs[0] < plan.high[example];
    const int64_t label = plan.labels[example];
    for (int64_t c = 0; c < plan.outputs; c++)
        if (c != label && !(outputs[c] < outputs[label])) return false;
    return true;
}

// Loss of outputs (C) on an example, the mean over outputs. Outputs that are not finite have no finite loss.
double example_loss(const geomreg_plan &plan, const double *outputs, int64_t example) {
    const int64_t count = plan.outputs;
    const double *targets = plan.targets + example * count;
    const int64_t label = plan.labels ? plan.labels[example] : 0;
    double sum = 0.0, spoilt = 0.0;
    for (int64_t c = 0; c < count; c++) spoilt += outputs[c] * 0.0;
    if (plan.loss == CROSS_ENTROPY) {
        double largest = 0.0, others = 0.0;
        for (int64_t c = 0; c < count; c++) {
            const double margin = outputs[c] - outputs[label];
            if (margin > largest) largest = margin;
        }
        for (int64_t c = 0; c < count; c++)
            if (c != label) others += exp_of(outputs[c] - outputs[label] - largest);
        return largest + log1p_of(others + expm1_of(-largest)) + spoilt;
    }
    if (plan.loss == ZERO_ONE) return (is_right(plan, outputs, example) ? 0.0 : 1.0) + spoilt;
    for (int64_t c = 0; c < count; c++) {
        const double distance = size_of(outputs[c] - targets[c]);
        const double signed_output = targets[c] > 0.0 ? outputs[c] : -outputs[c];
        double margin;
        switch (plan.loss) {
            case MSE:
                sum += distance * distance;
                break;
            case MAE:
                sum += distance;
                break;
            case HUBER:
                sum += distance < 1.0 ? 0.5 * distance * distance : distance - 0.5;
                break;
            case BCE:
                sum += (signed_output < 0.0 ? -signed_output : 0.0) + log1p_of(exp_of(-size_of(signed_output)));
                break;
            default:  // HINGE
                margin = count == 1 ? 1.0 - signed_output : outputs[c] - outputs[label] + (c != label);
                sum += margin > 0.0 ? margin : 0.0;
        }
    }
    return sum / count + spoilt;
}

// ---- Networks --------------------------------------------------------------------------------------------------

// Places for what a network needs on its way; they are used again by the next one.
struct Scratch {
    float *drawn, *readout, *z, *first, *second, *root, *partial, *outputs;
    double *h, *sums, *gram, *radii;
    int64_t bytes;
};

Scratch scratch_of(const geomreg_plan &plan, char *memory) {
    Scratch s = {};
    int64_t at = 0;
    auto take = [&](int64_t bytes) {
        char *place = memory + at;
        at += (bytes + 63) / 64 * 64;
        return place;
    };
    const int64_t stride = plan.stride;
    int64_t most = 1;
    for (int64_t l = 0; l < plan.depth; l++) {
        const geomreg_layer &layer = plan.layers[l];
        if (!layer.projected && l > 0 && layer.inputs + 1 > most) most = layer.inputs + 1;
    }
    s.drawn = (float *)take(sizeof(float) * ((BLOCK * TILE > SINGLE ? BLOCK * TILE : SINGLE) + 32));
    s.readout = (float *)take(sizeof(float) * (plan.outputs * TILE + 32));
    s.z = (float *)take(sizeof(float) * stride * TILE);
    s.first = (float *)take(sizeof(float) * stride * most);
    s.second = (float *)take(sizeof(float) * stride * most);
    s.root = (float *)take(sizeof(float) * stride * stride);
    s.partial = (float *)take(sizeof(float) * plan.outputs * stride * 8);
    s.outputs = (float *)take(sizeof(float) * plan.outputs * (stride > RADIAL ? stride : RADIAL));
    s.radii = (double *)take(sizeof(double) * plan.depth * (plan.radius > 0.0 ? RADIAL : 1));
    s.h = (double *)take(sizeof(double) * stride * TILE);
    s.sums = (double *)take(sizeof(double) * 32 * gram_blocks(stride));
    s.gram = (double *)take(sizeof(double) * stride * stride);
    s.bytes = at;
    return s;
}

// Which hidden layers of a network have an active unit on a training example.
struct Watch {
    const geomreg_plan &plan;
    bool off = false, certain = false, active = false, strong = false, was_strong;

    explicit Watch(const geomreg_plan &p) : plan(p), was_strong(p.layers[0].least == 0.0) {}

    void begin() { active = strong = !plan.watched; }

    // Look at activations h[j * units + t] of the training columns.
    template <class Number>
    void look(const Number *h, int64_t units, int64_t rows, double least) {
        for (int64_t j = 0; j < plan.training && !(active && strong); j++)
            for (int64_t t = 0; t < rows; t++) {
                const double size = size_of((double)h[j * units + t]);
                active |= !(size == 0.0);
                strong |= !(size < least);
            }
    }

    // A layer without an active unit is off for certain where its inputs lay well inside the number format.
    void end() {
        if (!active) {
            off = true;
            certain |= was_strong;
        }
        was_strong = strong;
    }

    uint8_t state() const { return !off ? ALIVE : certain ? DEAD : UNCERTAIN; }
};

// How the random numbers of a layer are drawn: those of a law, or normals that a factor brings to a sphere.
struct Source {
    Stream &stream;
    Fill fill;
    float factor;

    INLINE void draw(float *out, int64_t count) {
        fill(out, count, stream);
        if (factor != 1.0f)
            for (int64_t i = 0; i < count; i++) out[i] *= factor;
    }
};

INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t whole_lanes(int64_t units) { return (units + 15) / 16 * 16; }

// The sum of squares of the normals that a layer is about to draw, tile by tile as in `network`.
double coming_squares(const Stream &stream, int64_t units, int64_t rows, float *drawn) {
    Stream copy = stream;
    double sum = 0.0;
    for (int64_t t0 = 0; t0 < units; t0 += TILE) {
        const int64_t valid = smaller(TILE, units - t0), tile = whole_lanes(valid);
        for (int64_t row = 0; row < rows; row += BLOCK) {
            const int64_t some = smaller(BLOCK, rows - row);
            fill<Normal>(drawn, some * tile, copy);
            for (int64_t k = 0; k < some; k++)
                for (int64_t t = 0; t < valid; t++) sum = fma((double)drawn[k * tile + t], drawn[k * tile + t], sum);
        }
    }
    return sum;
}

// Radii of the layers of a network whose weights lie on a sphere, or in a ball: chi-square numbers of as many
// degrees as layers have parameters, over their sum.
void draw_radii(const geomreg_plan &plan, Stream &stream, double *radii) {
    Spare spare(stream);
    double sum = 0.0;
    for (int64_t l = 0; l < plan.depth; l++) sum += radii[l] = chi_square(plan.layers[l].parameters, spare);
    double radius = plan.radius;
    if (plan.ball) {
        double normal, unit;
        spare.draw(normal, unit);
        radius *= exp_of(log_of(unit) * plan.ball);
    }
    for (int64_t l = 0; l < plan.depth; l++) radii[l] = radius * square_root(radii[l] / sum);
}

// Outputs of a network on a single column whose every layer is projected: its norm is all that is followed.
uint8_t draw_single(const geomreg_plan &plan, Stream &stream, const Scratch &s) {
    const Functions &phi = functions[plan.activation];
    Watch watch(plan);
    float norm = plan.first[0];
    for (int64_t l = 0; l < plan.depth - 1; l++) {
        const geomreg_layer &above = plan.layers[l + 1];
        const int64_t units = plan.layers[l].outputs;
        Double4 sum = {};
        watch.begin();
        for (int64_t t0 = 0; t0 < units; t0 += SINGLE) {
            const int64_t valid = smaller(SINGLE, units - t0), tile = whole_lanes(valid);
            fill<Normal>(s.drawn, tile, stream);
            phi.activate(s.drawn, tile, norm);
            for (int64_t t = valid; t < tile; t++) s.drawn[t] = 0.0f;
            for (int64_t t = 0; t < tile; t += 4) {
                Double4 h = __builtin_convertvector(load<Lanes<float, 4>>(s.drawn + t), Double4);
                sum = fma(h, h, sum);
            }
            watch.look(s.drawn, tile, valid, above.least);
        }
        watch.end();
        const double square = (sum[0] + sum[1]) + (sum[2] + sum[3]);
        norm = (float)square_root(fma(square, above.scale * above.scale, above.offset * above.offset));
    }
    fill<Normal>(s.readout, plan.outputs, stream);
    for (int64_t c = 0; c < plan.outputs; c++) s.outputs[c * plan.stride] = s.readout[c] * norm;
    return watch.state();
}

// Add the products of `units` readout weights of each output and activations h to eight partial sums.
void add_to_outputs(const float *weights, const float *h, int64_t units, int64_t outputs, int64_t stride,
                    float *partial) {
    for (int64_t c = 0; c < outputs; c++) {
        for (int64_t j = 0; j < stride; j += 4) {
            Float8 sum[4];
            float *place = partial + (c * stride + j) * 8;
            for (int i = 0; i < 4; i++) sum[i] = load<Float8>(place + 8 * i);
            for (int64_t t = 0; t < units; t += 8) {
                Float8 weight = load<Float8>(weights + c * TILE + t);
                for (int i = 0; i < 4; i++) sum[i] = fma(weight, load<Float8>(h + (j + i) * units + t), sum[i]);
            }
            for (int i = 0; i < 4; i++) store(place + 8 * i, sum[i]);
        }
    }
}

// Draw a layer and apply it to a matrix, 64 units at a time; `take(t0, units, valid)` is called with each tile.
template <class Out, class Take>
INLINE void draw_layer(const Matrix &a, int64_t units, Source &source, const Scratch &s, Out *h,
                       void (*apply)(const float *, int64_t, const Matrix &, int64_t, int64_t, bool, bool, float *, Out *),
                       Take take) {
    for (int64_t t0 = 0; t0 < units; t0 += TILE) {
        const int64_t valid = smaller(TILE, units - t0), tile = whole_lanes(valid);
        for (int64_t row = 0; row < a.rows; row += BLOCK) {
            const int64_t some = smaller(BLOCK, a.rows - row);
            source.draw(s.drawn, some * tile);
            apply(s.drawn, tile, a, row, some, row == 0, row + some == a.rows, s.z, h);
        }
        for (int64_t j = 0; j < a.stride && valid < tile; j++)
            for (int64_t t = valid; t < tile; t++) h[j * tile + t] = 0;
        take(t0, tile, valid);
    }
}

// The factor that brings the normals of a layer to its radius: all that it would draw count, and those that a
// projection leaves out are a chi-square number.
float factor_on_sphere(const geomreg_layer &layer, int64_t rows, double radius, Stream &stream, const Scratch &s) {
    Spare spare(stream);
    const double left_out = chi_square(layer.parameters - layer.outputs * rows, spare);
    const double squares = coming_squares(stream, layer.outputs, rows, s.drawn) + left_out;
    return squares > 0.0 ? (float)(radius / square_root(squares)) : 0.0f;
}

// Outputs (C x stride) of the network with a number, in scratch; returns its state.
uint8_t draw_network(const geomreg_plan &plan, uint64_t number, const Scratch &s) {
    Stream stream = stream_of(plan.seed, NETWORKS, number);
    if (plan.single) return draw_single(plan, stream, s);
    const Functions &phi = functions[plan.activation];
    const int64_t stride = plan.stride, outputs = plan.outputs;
    const bool sphere = plan.radius > 0.0;
    const geomreg_layer &readout = plan.layers[plan.depth - 1];
    const bool streamed = plan.depth > 1 && !readout.projected && !sphere;
    if (sphere) draw_radii(plan, stream, s.radii);
    if (streamed) memset(s.partial, 0, sizeof(float) * outputs * stride * 8);
    Watch watch(plan);
    Source source{stream, fills[plan.law], 1.0f};
    Matrix a = {plan.first, plan.first_rows, stride, plan.first_triangular != 0};
    for (int64_t l = 0; l < plan.depth - 1; l++) {
        const geomreg_layer &layer = plan.layers[l], &above = plan.layers[l + 1];
        if (sphere) source.factor = factor_on_sphere(layer, a.rows, s.radii[l], stream, s);
        watch.begin();
        if (above.projected) {
            memset(s.sums, 0, sizeof(double) * 32 * gram_blocks(stride));
            draw_layer(a, layer.outputs, source, s, s.h, phi.to_gram, [&](int64_t, int64_t tile, int64_t valid) {
                watch.look(s.h, tile, valid, above.least);
                add_to_gram(s.h, tile, stride, s.sums);
            });
            a = root_of_sums(s.sums, plan.columns, stride, above.scale, above.offset, s.gram, s.root);
        } else if (streamed && l == plan.depth - 2) {
            float *h = (float *)s.h;
            draw_layer(a, layer.outputs, source, s, h, phi.to_next, [&](int64_t, int64_t tile, int64_t valid) {
                watch.look(h, tile, valid, above.least);
                source.fill(s.readout, outputs * TILE, stream);
                add_to_outputs(s.readout, h, tile, outputs, stride, s.partial);
            });
        } else {
            float *h = (float *)s.h, *next = a.numbers == s.first ? s.second : s.first;
            const float scale = (float)above.scale;
            draw_layer(a, layer.outputs, source, s, h, phi.to_next, [&](int64_t t0, int64_t tile, int64_t valid) {
                watch.look(h, tile, valid, above.least);
                for (int64_t t = 0; t < valid; t++)
                    for (int64_t j = 0; j < stride; j++) next[(t0 + t) * stride + j] = h[j * tile + t] * scale;
            });
            a = {next, above.inputs, stride, false};
            if (above.offset != 0.0) {
                for (int64_t j = 0; j < stride; j++) next[above.inputs * stride + j] = (float)above.offset;
                a.rows++;
            }
        }
        watch.end();
    }
    if (streamed) {
        for (int64_t c = 0; c < outputs; c++)
            for (int64_t j = 0; j < stride; j++) {
                const float *z = s.partial + (c * stride + j) * 8;
                const float sum = ((z[0] + z[1]) + (z[2] + z[3])) + ((z[4] + z[5]) + (z[6] + z[7]));
                s.outputs[c * stride + j] = sum * (float)readout.scale;
            }
        if (readout.offset != 0.0) {
            source.draw(s.readout, outputs);
            for (int64_t c = 0; c < outputs; c++)
                for (int64_t j = 0; j < stride; j++)
                    s.outputs[c * stride + j] = fma(s.readout[c], (float)readout.offset, s.outputs[c * stride + j]);
        }
        return watch.state();
    }
    if (sphere) source.factor = factor_on_sphere(readout, a.rows, s.radii[plan.depth - 1], stream, s);
    float *h = (float *)s.h;
    draw_layer(a, outputs, source, s, h, functions[LINEAR].to_next, [&](int64_t c0, int64_t tile, int64_t valid) {
        for (int64_t c = 0; c < valid; c++)
            for (int64_t j = 0; j < stride; j++) s.outputs[(c0 + c) * stride + j] = h[j * tile + c];
    });
    return watch.state();
}

// ---- Networks of which only norms are drawn (see geomreg_tui/sampling/radial.py) --------------------------------

// One number for each network of a block.
struct Block {
    double of[RADIAL];
};

// Chi-square numbers of whole degrees of freedom.
void chi_squares(const Block &freedom, Block &drawn, Spare &spare) {
    float normals[RADIAL], units[RADIAL];
    fill<Normal>(normals, RADIAL, spare.stream);
    fill<Uniform>(units, RADIAL, spare.stream);
    for (int64_t i = 0; i < RADIAL; i++) {
        const double shape = freedom.of[i] > 2.0 ? 0.5 * freedom.of[i] : 1.0;
        const double d = shape - 1.0 / 3.0, v = fma((double)normals[i], 1.0 / square_root(9.0 * d), 1.0);
        const double unit = 0.5 + 0.5 * units[i], square = (double)normals[i] * normals[i];
        const bool taken = (v > 0.0) & (unit < 1.0 - 0.0331 * square * square);
        drawn.of[i] = taken ? 2.0 * d * (v * v * v) : -1.0;
    }
    for (int64_t i = 0; i < RADIAL; i++) {
        if (freedom.of[i] < 2.0) {
            drawn.of[i] = chi_square((int64_t)freedom.of[i], spare);
        } else if (drawn.of[i] < 0.0) {
            // The squeeze alone was tried: the same candidate once more, then others.
            const double unit = 0.5 + 0.5 * units[i];
            const double candidate = unit > 0.0 ? gamma_candidate(0.5 * freedom.of[i], normals[i], unit) : -1.0;
            drawn.of[i] = candidate > 0.0 ? 2.0 * candidate : chi_square((int64_t)freedom.of[i], spare);
        }
    }
}

// How many of `units` fair coins show heads.
void draw_active(int64_t units, Block &active, Stream &stream) {
    const int64_t words = (units + 31) / 32;
    const uint32_t mask = 0xffffffffu >> (32 * words - units);
    for (int64_t i = 0; i < RADIAL; i += 16) {
        Word16 count = __builtin_elementwise_popcount(next(stream) & mask);
        for (int64_t word = 1; word < words; word++) count += __builtin_elementwise_popcount(next(stream));
        store(active.of + i, __builtin_convertvector(count, Double16));
    }
}

// Outputs (C x 1,024) of a block of networks on one example, in scratch, and their states.
void draw_block(const geomreg_plan &plan, uint64_t block, const Scratch &s, uint8_t *states) {
    Stream stream = stream_of(plan.seed, NORMS, block);
    Spare spare(stream);
    Block square, freedom, kept, other;
    Block *radii = (Block *)s.radii;
    const bool sphere = plan.radius > 0.0;
    for (int64_t i = 0; i < RADIAL; i++) {
        square.of[i] = plan.norm * plan.norm;
        states[i] = plan.norm == 0.0 && plan.depth > 1 ? DEAD : ALIVE;
    }
    if (sphere) {
        for (int64_t i = 0; i < RADIAL; i++) other.of[i] = 0.0;
        for (int64_t l = 0; l < plan.depth; l++) {
            for (int64_t i = 0; i < RADIAL; i++) freedom.of[i] = (double)plan.layers[l].parameters;
            chi_squares(freedom, radii[l], spare);
            for (int64_t i = 0; i < RADIAL; i++) other.of[i] += radii[l].of[i];
        }
        for (int64_t i = 0; i < RADIAL; i++) {
            double normal, unit, factor = plan.radius * plan.radius;
            if (plan.ball != 0.0) {
                spare.draw(normal, unit);
                factor *= exp_of(log_of(unit) * (2.0 * plan.ball));
            }
            for (int64_t l = 0; l < plan.depth; l++) radii[l].of[i] *= factor / other.of[i];
        }
    }
    for (int64_t l = 0; l < plan.depth - 1; l++) {
        const geomreg_layer &layer = plan.layers[l];
        const double units = (double)layer.outputs, scale = layer.scale * layer.scale;
        Block whole;
        if (plan.negative == 1.0) {
            for (int64_t i = 0; i < RADIAL; i++) freedom.of[i] = units;
            chi_squares(freedom, kept, spare);
            whole = kept;
        } else {
            draw_active(layer.outputs, freedom, stream);
            chi_squares(freedom, kept, spare);
            whole = kept;
            if (plan.negative == 0.0)
                for (int64_t i = 0; i < RADIAL; i++)
                    if (freedom.of[i] == 0.0) states[i] = DEAD;
            if (plan.negative != 0.0 || layer.undrawn >= 0) {
                for (int64_t i = 0; i < RADIAL; i++) freedom.of[i] = units - freedom.of[i];
                chi_squares(freedom, other, spare);
                for (int64_t i = 0; i < RADIAL; i++) {
                    whole.of[i] = kept.of[i] + other.of[i];
                    kept.of[i] = fma(plan.negative, other.of[i], kept.of[i]);
                }
            }
        }
        if (layer.undrawn > 0) {
            for (int64_t i = 0; i < RADIAL; i++) freedom.of[i] = (double)layer.undrawn;
            chi_squares(freedom, other, spare);
            for (int64_t i = 0; i < RADIAL; i++) whole.of[i] += other.of[i];
        }
        for (int64_t i = 0; i < RADIAL; i++) {
            double factor = kept.of[i];
            if (layer.undrawn >= 0) factor /= whole.of[i];
            if (sphere) factor *= radii[l].of[i];
            square.of[i] *= factor * scale;
            if (layer.scale == 0.0) states[i] = DEAD;
        }
    }
    const geomreg_layer &readout = plan.layers[plan.depth - 1];
    const int64_t outputs = plan.outputs;
    fill<Normal>(s.outputs, outputs * RADIAL, stream);
    if (readout.undrawn >= 0) {
        for (int64_t i = 0; i < RADIAL; i++) freedom.of[i] = (double)readout.undrawn;
        chi_squares(freedom, other, spare);
        for (int64_t c = 0; c < outputs; c++)
            for (int64_t i = 0; i < RADIAL; i++)
                other.of[i] = fma((double)s.outputs[c * RADIAL + i], s.outputs[c * RADIAL + i], other.of[i]);
        for (int64_t i = 0; i < RADIAL; i++) square.of[i] /= other.of[i];
    }
    for (int64_t i = 0; i < RADIAL; i++) {
        if (sphere) square.of[i] *= radii[plan.depth - 1].of[i];
        const float norm = (float)(square_root(square.of[i]) * readout.scale);
        for (int64_t c = 0; c < outputs; c++) s.outputs[c * RADIAL + i] *= norm;
    }
}

// ---- What is called from outside -------------------------------------------------------------------------------

// Take the outputs of each network of a range in turn: `take(index, outputs, apart, state)`, where output c on
// example j is outputs[c * apart + j].
template <class Take>
INLINE void each_network(const geomreg_plan &plan, uint64_t first, int64_t count, void *memory, Take take) {
    const Scratch s = scratch_of(plan, (char *)memory);
    if (!plan.radial) {
        for (int64_t i = 0; i < count; i++) {
            const uint8_t state = draw_network(plan, first + i, s);
            take(i, s.outputs, plan.stride, state);
        }
        return;
    }
    uint8_t states[RADIAL];
    for (int64_t i = 0; i < count;) {
        const int64_t inside = (int64_t)((first + i) % RADIAL), some = smaller(RADIAL - inside, count - i);
        draw_block(plan, (first + i) / RADIAL, s, states);
        for (int64_t k = 0; k < some; k++) take(i + k, s.outputs + inside + k, RADIAL, states[inside + k]);
        i += some;
    }
}

}  // namespace

extern "C" {

// Bytes that a plan needs for scratch, which begins at a multiple of 64.
int64_t NAMED(geomreg_scratch_, LEVEL)(const geomreg_plan *plan) { return scratch_of(*plan, nullptr).bytes; }

// Losses of the networks first, first + 1, ... on training and held-out examples, (count); how many held-out
// predictions are right, (count); and their states, (count). The pointers to what is not wanted are null.
void NAMED(geomreg_losses_, LEVEL)(const geomreg_plan *plan, uint64_t first, int64_t count, void *memory,
                                   double *train, double *held_out, int64_t *right, uint8_t *states) {
    each_network(*plan, first, count, memory, [&](int64_t i, const float *outputs, int64_t apart, uint8_t state) {
        double sums[2] = {0.0, 0.0}, own[MOST_OUTPUTS];
        int64_t good = 0;
        for (int64_t j = 0; j < plan->columns; j++) {
            for (int64_t c = 0; c < plan->outputs; c++) own[c] = outputs[c * apart + j];
            sums[j >= plan->training] += example_loss(*plan, own, j);
            if (right && j >= plan->training) good += is_right(*plan, own, j);
        }
        train[i] = sums[0] / plan->training;
        if (held_out) held_out[i] = sums[1] / (plan->columns - plan->training);
        if (right) right[i] = good;
        states[i] = state;
    });
}

// Outputs of the networks first, first + 1, ..., (count, outputs, columns).
void NAMED(geomreg_outputs_, LEVEL)(const geomreg_plan *plan, uint64_t first, int64_t count, void *memory, float *out) {
    each_network(*plan, first, count, memory, [&](int64_t i, const float *outputs, int64_t apart, uint8_t) {
        for (int64_t c = 0; c < plan->outputs; c++)
            for (int64_t j = 0; j < plan->columns; j++)
                out[(i * plan->outputs + c) * plan->columns + j] = outputs[c * apart + j];
    });
}

// The matrix (rows, stride) of a first layer that is projected: a root of scale^2 X^T X + offset^2, for inputs X
// (columns, inputs). Returns its rows; less than 0 where it is not triangular.
int64_t NAMED(geomreg_root_, LEVEL)(const double *x, int64_t inputs, int64_t columns, int64_t stride, double scale,
                                    double offset, double *sums, double *gram, float *root) {
    double tile[MOST_COLUMNS * 4];
    memset(sums, 0, sizeof(double) * 32 * gram_blocks(stride));
    for (int64_t k = 0; k < inputs; k += 4) {
        memset(tile, 0, sizeof(double) * 4 * stride);
        for (int64_t j = 0; j < columns; j++)
            for (int64_t t = 0; t < 4 && k + t < inputs; t++) tile[j * 4 + t] = x[j * inputs + k + t];
        add_to_gram(tile, 4, stride, sums);
    }
    const Matrix a = root_of_sums(sums, columns, stride, scale, offset, gram, root);
    return a.triangular ? a.rows : -a.rows;
}

// The first `count` numbers of a law, a multiple of 32, from the stream of a number; for tests.
void NAMED(geomreg_numbers_, LEVEL)(uint64_t seed, uint64_t number, int64_t law, int64_t count, float *out) {
    Stream stream = stream_of(seed, NETWORKS, number);
    fills[law](out, count, stream);
}

// Chi-square numbers, (count); for tests.
void NAMED(geomreg_chi_squares_, LEVEL)(uint64_t seed, uint64_t number, int64_t freedom, int64_t count, double *out) {
    Stream stream = stream_of(seed, NETWORKS, number);
    Spare spare(stream);
    for (int64_t i = 0; i < count; i++) out[i] = chi_square(freedom, spare);
}

// Activations of `count` numbers, a multiple of 16, in place; for tests.
void NAMED(geomreg_activate_, LEVEL)(int64_t activation, int64_t count, float *numbers) {
    functions[activation].activate(numbers, count, 1.0f);
}
}
