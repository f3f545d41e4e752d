// Trilinear slices of a float32 volume, windowed: the floor that the slice cutter is measured against.
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct { int i, j, k; } shape;
typedef struct { double x, y, z; } index3;

// Columns of a row with all neighbours inside: first and end.
static void inside(shape s, index3 p, index3 d, int size, int *first, int *end) {
    double from = 0, to = size - 1;
    const double start[3] = {p.x, p.y, p.z}, step[3] = {d.x, d.y, d.z};
    const int count[3] = {s.i, s.j, s.k};
    for (int axis = 0; axis < 3; axis++) {
        const double high = count[axis] - 1.000001;
        if (fabs(step[axis]) < 1e-12) {
            if (start[axis] < 0 || start[axis] > high) to = -1;
            continue;
        }
        const double a = -start[axis] / step[axis], b = (high - start[axis]) / step[axis];
        from = fmax(from, fmin(a, b));
        to = fmin(to, fmax(a, b));
    }
    *first = from > size ? size : (int)ceil(from);
    *end = to < *first ? *first : (int)floor(to) + 1;
}

static inline float windowed(float value, float low, float high) {
    value = value < low ? low : value > high ? high : value;
    return (value - low) / (high - low);
}

// The plain loop, left to the compiler's vectoriser. Pixels near or past the rim are 0.
void slice_plain(const float *restrict v, shape s, index3 origin, index3 column, index3 row, float *restrict pixels, int size, float low, float high) {
    const int rows = s.i, planes = s.i * s.j;
    memset(pixels, 0, sizeof(float) * size * size);
    for (int b = 0; b < size; b++) {
        const index3 p = {origin.x + b * row.x, origin.y + b * row.y, origin.z + b * row.z};
        int first, end;
        inside(s, p, column, size, &first, &end);
        float *restrict line = pixels + (long)b * size;
        for (int a = first; a < end; a++) {
            const float x = (float)p.x + a * (float)column.x, y = (float)p.y + a * (float)column.y, z = (float)p.z + a * (float)column.z;
            const int i = (int)x, j = (int)y, k = (int)z;
            const float tx = x - i, ty = y - j, tz = z - k;
            const float *n = v + i + j * rows + k * planes, *f = n + planes;
            const float n0 = n[0] + tx * (n[1] - n[0]), n1 = n[rows] + tx * (n[rows + 1] - n[rows]);
            const float f0 = f[0] + tx * (f[1] - f[0]), f1 = f[rows] + tx * (f[rows + 1] - f[rows]);
            const float near = n0 + ty * (n1 - n0), far = f0 + ty * (f1 - f0);
            line[a] = windowed(near + tz * (far - near), low, high);
        }
    }
}

#if defined(__AVX2__) && defined(__FMA__)
static inline __m256 lerp(__m256 a, __m256 b, __m256 t) { return _mm256_fmadd_ps(t, _mm256_sub_ps(b, a), a); }

static inline __m256 eight(__m128 a, __m128 b) { return _mm256_insertf128_ps(_mm256_castps128_ps256(a), b, 1); }

static inline __m128 two(const float *v, const uint32_t *at) {
    return _mm_loadh_pi(_mm_castpd_ps(_mm_load_sd((const double *)(v + at[0]))), (const __m64 *)(v + at[1]));
}

static inline __m256 pairs(const float *v, const uint32_t *at, __m256 t) {
    const __m256 even = eight(two(v, at), two(v, at + 4)), odd = eight(two(v, at + 2), two(v, at + 6));
    return lerp(_mm256_shuffle_ps(even, odd, 0x88), _mm256_shuffle_ps(even, odd, 0xdd), t);
}

// By hand: eight pixels at once, neighbours along x by loads of 64 bits, float32 positions from a base in double each eight.
void slice_pairs(const float *restrict v, shape s, index3 origin, index3 column, index3 row, float *restrict pixels, int size, float low, float high) {
    const int rows = s.i, planes = s.i * s.j;
    const __m256 lane = _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7), lows = _mm256_set1_ps(low), highs = _mm256_set1_ps(high);
    const __m256 dx = _mm256_mul_ps(lane, _mm256_set1_ps((float)column.x)), dy = _mm256_mul_ps(lane, _mm256_set1_ps((float)column.y)),
                 dz = _mm256_mul_ps(lane, _mm256_set1_ps((float)column.z));
    const __m256 width = _mm256_sub_ps(highs, lows);
    memset(pixels, 0, sizeof(float) * size * size);
    for (int b = 0; b < size; b++) {
        const index3 p = {origin.x + b * row.x, origin.y + b * row.y, origin.z + b * row.z};
        int first, end;
        inside(s, p, column, size, &first, &end);
        float *restrict line = pixels + (long)b * size;
        for (int a = first; a < end; a += 8) {
            if (a + 8 > end) {
                if (end - first < 8) break;
                a = end - 8;
            }
            const double px = p.x + a * column.x, py = p.y + a * column.y, pz = p.z + a * column.z;
            const int bx = (int)px, by = (int)py, bz = (int)pz;
            const __m256 x = _mm256_add_ps(_mm256_set1_ps((float)(px - bx)), dx), y = _mm256_add_ps(_mm256_set1_ps((float)(py - by)), dy),
                         z = _mm256_add_ps(_mm256_set1_ps((float)(pz - bz)), dz);
            const __m256 fx = _mm256_floor_ps(x), fy = _mm256_floor_ps(y), fz = _mm256_floor_ps(z);
            const __m256i at = _mm256_add_epi32(
                _mm256_add_epi32(_mm256_cvttps_epi32(fx), _mm256_set1_epi32(bx + by * rows + bz * planes)),
                _mm256_add_epi32(
                    _mm256_mullo_epi32(_mm256_cvttps_epi32(fy), _mm256_set1_epi32(rows)),
                    _mm256_mullo_epi32(_mm256_cvttps_epi32(fz), _mm256_set1_epi32(planes))));
            const __m256 tx = _mm256_sub_ps(x, fx), ty = _mm256_sub_ps(y, fy), tz = _mm256_sub_ps(z, fz);
            uint32_t places[8] __attribute__((aligned(32)));
            _mm256_store_si256((__m256i *)places, at);
            const __m256 near = lerp(pairs(v, places, tx), pairs(v + rows, places, tx), ty);
            const __m256 far = lerp(pairs(v + planes, places, tx), pairs(v + planes + rows, places, tx), ty);
            const __m256 value = _mm256_min_ps(highs, _mm256_max_ps(lows, lerp(near, far, tz)));
            _mm256_storeu_ps(line + a, _mm256_div_ps(_mm256_sub_ps(value, lows), width));
        }
    }
}
#endif
