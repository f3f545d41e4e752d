// The C that the backprojector is measured against: the same job, and the two that a C programmer would write first.
// Built by `bench/run kernels` with gcc -O3 -march=native. One thread; no checks: the benchmark passes what fits.
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  int32_t i, j, k, directions, length, per_spacing; // voxels; profiles; samples of a profile; samples to a slice spacing
  double step_i[3], step_j[3], step_k[3], origin[3]; // world mm; origin from the rotation centre
  double spacing;
  const double *normals, *weights; // [direction, 3], [direction]
  const float *profiles;           // [direction, sample]
  float *slab;                     // [k, j, i], added to
} problem;

static double dot(const double *a, const double *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
static int64_t fixed(double x) { return (int64_t)llround(x * 4294967296.0); }

// ---- Knots that suit the rows: the shipped method (src/Tomography/Backprojection/KnotLines.cs) ----

enum { KNOTS = 8, BLOCK = 16 };
typedef struct {
  int64_t start, j, k;
  const float *table;
  int64_t stride;
  int32_t shift, slow;
  double step;
} line;

static float cubic(const float *p, double position) {
  int below = (int)position;
  float f = (float)(position - below), g = 1 - f, e = 1 + f, l = 2 - f;
  p += below;
  return l * e * (g * p[0] + f * p[1]) * 0.5f - f * g * (l * p[-1] + e * p[2]) * (1 / 6.f);
}

static float *lay(const problem *p, int d, int padded, line *l) {
  const double *n = p->normals + 3 * d;
  double step = dot(n, p->step_i) / p->spacing, size = fabs(step) * KNOTS, knot;
  l->shift = 0;
  l->slow = size < 0.125;
  if (l->slow) {
    knot = (step < 0 ? -1.0 : 1.0) / KNOTS;
    l->step = size;
  } else {
    while ((1 << l->shift) < size) l->shift++;
    knot = step / (1 << l->shift);
    l->step = 1 << l->shift;
  }
  double scale = 1 / (p->spacing * knot);
  l->j = fixed(scale * dot(n, p->step_j));
  l->k = fixed(scale * dot(n, p->step_k));
  int64_t start = fixed(scale * dot(n, p->origin));
  int64_t lowest = start, highest = start;
  *(l->j < 0 ? &lowest : &highest) += (p->j - 1) * l->j;
  *(l->k < 0 ? &lowest : &highest) += (p->k - 1) * l->k;
  int phases = 1 << l->shift;
  int first = (int)(lowest >> (32 + l->shift)) << l->shift;
  int last = (int)(highest >> 32) - first + (int)ceil((p->i - 1) * l->step) + 1;
  l->stride = (last >> l->shift) + 1 + (l->slow ? 32 : padded);
  l->start = start - ((int64_t)first << 32);
  float *table = malloc((phases + 1) * l->stride * sizeof *table), weight = (float)(p->weights[d] / (2 * M_PI));
  const float *profile = p->profiles + (int64_t)d * p->length;
  for (int q = (int)(lowest >> 32) - first; q <= last; q++) {
    float v = weight * cubic(profile, (first + q) * knot * p->per_spacing + (p->length - 1) / 2);
    int m = q & (phases - 1), at = q >> l->shift;
    table[m * l->stride + at] = v;
    if (m == 0 && at > 0) table[phases * l->stride + at - 1] = v;
  }
  l->table = table;
  return table;
}

#define PREPARE                                                                                          \
  int64_t t = l[d].start + j * l[d].j + k * l[d].k;                                                      \
  int q = (int)(t >> 32);                                                                                \
  float f = (int)((uint32_t)t >> 8) * (1.f / (1 << 24));                                                 \
  const float *a = l[d].table + (q & ((1 << l[d].shift) - 1)) * l[d].stride + (q >> l[d].shift) + i;     \
  const float *b = a + l[d].stride;

#define ROWS(NAME, VECTOR, PREFIX, WIDTH, GROUP)                                                         \
  static void NAME(float *row, const line *l, int lines, int64_t i, int64_t j, int64_t k) {              \
    VECTOR sum[GROUP];                                                                                   \
    for (int v = 0; v < GROUP; v++) sum[v] = PREFIX##_setzero_ps();                                      \
    for (int d = 0; d < lines; d++) {                                                                    \
      PREPARE                                                                                            \
      VECTOR left = PREFIX##_set1_ps(1 - f), right = PREFIX##_set1_ps(f);                                \
      _Pragma("GCC unroll 8") for (int v = 0; v < GROUP; v++) {                                          \
        sum[v] = PREFIX##_fmadd_ps(left, PREFIX##_loadu_ps(a + WIDTH * v), sum[v]);                      \
        sum[v] = PREFIX##_fmadd_ps(right, PREFIX##_loadu_ps(b + WIDTH * v), sum[v]);                     \
      }                                                                                                  \
    }                                                                                                    \
    _Pragma("GCC unroll 8") for (int v = 0; v < GROUP; v++) {                                            \
      float *x = row + i + WIDTH * v;                                                                    \
      PREFIX##_storeu_ps(x, PREFIX##_add_ps(PREFIX##_loadu_ps(x), sum[v]));                              \
    }                                                                                                    \
  }
ROWS(rows512x8, __m512, _mm512, 16, 8)
ROWS(rows512x4, __m512, _mm512, 16, 4)
ROWS(rows512x1, __m512, _mm512, 16, 1)
ROWS(rows256x8, __m256, _mm256, 8, 8)
ROWS(rows256x1, __m256, _mm256, 8, 1)

static void slow_row(float *row, const line *l, int length, int64_t j, int64_t k) {
  int64_t t = l->start + j * l->j + k * l->k, tile_step = (int64_t)(l->step * 16 * 4294967296.0);
  __m512 lane = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), step = _mm512_set1_ps((float)l->step);
  for (int i = 0; i < length; i += 16, t += tile_step) {
    const float *p = l->table + (int)(t >> 32);
    __m512 x = _mm512_fmadd_ps(lane, step, _mm512_set1_ps((int)((uint32_t)t >> 8) * (1.f / (1 << 24))));
    __m512i n = _mm512_cvttps_epi32(x);
    __m512 f = _mm512_sub_ps(x, _mm512_cvtepi32_ps(n)), s = _mm512_loadu_ps(row + i);
    s = _mm512_fmadd_ps(_mm512_sub_ps(_mm512_set1_ps(1), f), _mm512_permutexvar_ps(n, _mm512_loadu_ps(p)), s);
    s = _mm512_fmadd_ps(f, _mm512_permutexvar_ps(n, _mm512_loadu_ps(p + 1)), s);
    _mm512_storeu_ps(row + i, s);
  }
}

static void stepping_row(float *row, const line *l, int lines, int padded, int narrow, int64_t j, int64_t k) {
  int i = 0;
  if (narrow) {
    for (; i + 64 <= padded; i += 64) rows256x8(row, l, lines, i, j, k);
    for (; i < padded; i += 8) rows256x1(row, l, lines, i, j, k);
  } else {
    for (; i + 128 <= padded; i += 128) rows512x8(row, l, lines, i, j, k);
    for (; i + 64 <= padded; i += 64) rows512x4(row, l, lines, i, j, k);
    for (; i < padded; i += 16) rows512x1(row, l, lines, i, j, k);
  }
}

static void knots(const problem *p, int narrow) {
  int padded = (p->i + 15) / 16 * 16, count = 0, slow = 0;
  line stepping[BLOCK], slows[BLOCK];
  float *tables[BLOCK], *copy = aligned_alloc(64, padded * sizeof(float));
  for (int d = 0; d < p->directions; d++) {
    line l;
    tables[d] = lay(p, d, padded, &l);
    *(l.slow ? &slows[slow++] : &stepping[count++]) = l;
  }
  for (int64_t k = 0; k < p->k; k++)
    for (int64_t j = 0; j < p->j; j++) {
      float *row = p->slab + (k * p->j + j) * p->i, *out = padded == p->i ? row : copy;
      for (int x = 0; x < p->i; x += 16) _mm_prefetch((const char *)(row + 4 * p->i + x), _MM_HINT_T0);
      if (out != row) memcpy(out, row, p->i * sizeof(float));
      stepping_row(out, stepping, count, padded, narrow, j, k);
      for (int d = 0; d < slow; d++) slow_row(out, slows + d, p->i, j, k);
      if (out != row) memcpy(row, out, p->i * sizeof(float));
    }
  for (int d = 0; d < p->directions; d++) free(tables[d]);
  free(copy);
}

void knots512(const problem *p) { knots(p, 0); }
void knots256(const problem *p) { knots(p, 1); } // but for slow lines

// ---- Evenly spaced samples: two gathers, or permutes of one to four loaded registers, a voxel and direction ----

typedef struct { int64_t start, j, k, i; float step; const float *profile; int32_t below, registers; } ray;

static float *rays(const problem *p, ray *r) {
  // Weighted copies, padded so that a tile may load past the ends.
  int length = p->length + 192;
  float *copy = calloc((size_t)p->directions * length, sizeof *copy);
  for (int d = 0; d < p->directions; d++) {
    const double *n = p->normals + 3 * d;
    double scale = p->per_spacing / p->spacing, step = scale * dot(n, p->step_i);
    float weight = (float)(p->weights[d] / (2 * M_PI)), *row = copy + (int64_t)d * length + 64;
    for (int s = 0; s < p->length; s++) row[s] = weight * p->profiles[(int64_t)d * p->length + s];
    double span = 15 * fabs(step) + 2;
    r[d] = (ray){fixed(scale * dot(n, p->origin) + (p->length - 1) / 2), fixed(scale * dot(n, p->step_j)), fixed(scale * dot(n, p->step_k)),
                 fixed(step), (float)step, row, step < 0 ? (int)ceil(-15 * step) : 0, span < 15 ? 1 : span < 31 ? 2 : span < 63 ? 4 : 0};
  }
  return copy;
}

static void even(const problem *p, int permute) {
  ray r[BLOCK];
  float *copy = rays(p, r);
  __m512 lane = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  __m512i one = _mm512_set1_epi32(1), half = _mm512_set1_epi32(32);
  for (int64_t k = 0; k < p->k; k++)
    for (int64_t j = 0; j < p->j; j++) {
      float *row = p->slab + (k * p->j + j) * p->i;
      int64_t at[BLOCK];
      for (int d = 0; d < p->directions; d++) at[d] = r[d].start + j * r[d].j + k * r[d].k;
      for (int x = 0; x < p->i; x += 16) _mm_prefetch((const char *)(row + 4 * p->i + x), _MM_HINT_T0);
      for (int i = 0; i < p->i; i += 16) {
        __m512 sum = _mm512_setzero_ps();
        for (int d = 0; d < p->directions; d++) {
          int64_t t = at[d] + i * r[d].i;
          const float *q = r[d].profile + (t >> 32) - r[d].below;
          float f0 = (int)((uint32_t)t >> 8) * (1.f / (1 << 24)) + r[d].below;
          __m512 x = _mm512_fmadd_ps(lane, _mm512_set1_ps(r[d].step), _mm512_set1_ps(f0));
          __m512i n = _mm512_cvttps_epi32(x), m = _mm512_add_epi32(n, one);
          __m512 f = _mm512_sub_ps(x, _mm512_cvtepi32_ps(n)), left, right;
          if (!permute || r[d].registers == 0) {
            left = _mm512_i32gather_ps(n, q, 4);
            right = _mm512_i32gather_ps(n, q + 1, 4);
          } else if (r[d].registers == 1) {
            __m512 a = _mm512_loadu_ps(q);
            left = _mm512_permutexvar_ps(n, a);
            right = _mm512_permutexvar_ps(m, a);
          } else {
            __m512 a = _mm512_loadu_ps(q), b = _mm512_loadu_ps(q + 16);
            left = _mm512_permutex2var_ps(a, n, b);
            right = _mm512_permutex2var_ps(a, m, b);
            if (r[d].registers == 4) {
              a = _mm512_loadu_ps(q + 32);
              b = _mm512_loadu_ps(q + 48);
              left = _mm512_mask_mov_ps(left, _mm512_cmpge_epi32_mask(n, half), _mm512_permutex2var_ps(a, n, b));
              right = _mm512_mask_mov_ps(right, _mm512_cmpge_epi32_mask(m, half), _mm512_permutex2var_ps(a, m, b));
            }
          }
          sum = _mm512_fmadd_ps(f, _mm512_sub_ps(right, left), _mm512_add_ps(sum, left));
        }
        __mmask16 in = p->i - i < 16 ? (1 << (p->i - i)) - 1 : 0xffff;
        _mm512_mask_storeu_ps(row + i, in, _mm512_add_ps(_mm512_maskz_loadu_ps(in, row + i), sum));
      }
    }
  free(copy);
}

void gather512(const problem *p) { even(p, 0); }
void permute512(const problem *p) { even(p, 1); }

// Two gathers of eight, for processors without AVX-512.
void gather256(const problem *p) {
  ray r[BLOCK];
  float *copy = rays(p, r);
  __m256 lane = _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7);
  for (int64_t k = 0; k < p->k; k++)
    for (int64_t j = 0; j < p->j; j++) {
      float *row = p->slab + (k * p->j + j) * p->i;
      int64_t at[BLOCK];
      for (int d = 0; d < p->directions; d++) at[d] = r[d].start + j * r[d].j + k * r[d].k;
      int i = 0;
      for (; i + 8 <= p->i; i += 8) {
        __m256 sum = _mm256_setzero_ps();
        for (int d = 0; d < p->directions; d++) {
          int64_t t = at[d] + i * r[d].i;
          const float *q = r[d].profile + (t >> 32) - r[d].below;
          float f0 = (int)((uint32_t)t >> 8) * (1.f / (1 << 24)) + r[d].below;
          __m256 x = _mm256_fmadd_ps(lane, _mm256_set1_ps(r[d].step), _mm256_set1_ps(f0));
          __m256i n = _mm256_cvttps_epi32(x);
          __m256 f = _mm256_sub_ps(x, _mm256_cvtepi32_ps(n)), left = _mm256_i32gather_ps(q, n, 4);
          sum = _mm256_fmadd_ps(f, _mm256_sub_ps(_mm256_i32gather_ps(q + 1, n, 4), left), _mm256_add_ps(sum, left));
        }
        _mm256_storeu_ps(row + i, _mm256_add_ps(_mm256_loadu_ps(row + i), sum));
      }
      for (; i < p->i; i++)
        for (int d = 0; d < p->directions; d++) {
          int64_t t = at[d] + i * r[d].i;
          const float *q = r[d].profile + (t >> 32);
          row[i] += q[0] + (int)((uint32_t)t >> 8) * (1.f / (1 << 24)) * (q[1] - q[0]);
        }
    }
  free(copy);
}
