#include "format/parquet/bounds.h"

#include <string.h>

#include "format/parquet/kernels.h"

static struct bound raw_bound(const void *value, size_t size)
{
    struct bound bound = {.size = size};
    memcpy(bound.raw, value, size);
    return bound;
}

/* ---- kernels ---- */

#define INTEGER_KERNEL(type_name, type)                                                            \
    static void bounds_##type_name(const struct dense *values, size_t first, size_t n,             \
                                   struct bounds *out)                                             \
    {                                                                                              \
        const type *v = (const type *)(const void *)values->values + first;                        \
        *out = (struct bounds){.set = n > 0};                                                      \
        if (n == 0)                                                                                \
            return;                                                                                \
        type min, max;                                                                             \
        kernels()->bounds_##type_name(v, n, &min, &max);                                           \
        out->min = raw_bound(&min, sizeof(min));                                                   \
        out->max = raw_bound(&max, sizeof(max));                                                   \
    }

INTEGER_KERNEL(int32, int32_t)
INTEGER_KERNEL(int64, int64_t)
INTEGER_KERNEL(uint32, uint32_t)
INTEGER_KERNEL(uint64, uint64_t)

static void bounds_bool(const struct dense *values, size_t first, size_t n, struct bounds *out)
{
    const uint8_t *bools = values->values + first;
    *out = (struct bounds){.set = n > 0};
    if (n == 0)
        return;
    uint8_t min = !memchr(bools, 0, n) ? 1 : 0, max = memchr(bools, 1, n) ? 1 : 0;
    out->min = raw_bound(&min, sizeof(min));
    out->max = raw_bound(&max, sizeof(max));
}

/* NaN is left out and counted. A zero bound stands for both zeros: -0.0 below, +0.0 above. */
#define FLOAT_KERNEL(type)                                                                         \
    static void bounds_##type(const struct dense *values, size_t first, size_t n,                  \
                              struct bounds *out)                                                  \
    {                                                                                              \
        const type *v = (const type *)(const void *)values->values + first;                        \
        type min, max;                                                                             \
        size_t nans = kernels()->bounds_##type(v, n, &min, &max);                                  \
        *out = (struct bounds){.set = nans < n, .nan_count = nans};                                \
        if (!out->set)                                                                             \
            return;                                                                                \
        if (min == 0)                                                                              \
            min = (type)-0.0;                                                                      \
        if (max == 0)                                                                              \
            max = (type)0.0;                                                                       \
        out->min = raw_bound(&min, sizeof(min));                                                   \
        out->max = raw_bound(&max, sizeof(max));                                                   \
    }

FLOAT_KERNEL(float)
FLOAT_KERNEL(double)

static int compare_bytes(struct span a, struct span b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;
    if (order != 0)
        return order < 0 ? -1 : 1;
    return (a.size > b.size) - (a.size < b.size);
}

/* ---- bytes: keys of 64 bits that compare as the values do, a block of them at a time ----
 * The first seven bytes, padded with zeros, and below them the size, or KEY_MORE for all above seven: only of two
 * values that both end in KEY_MORE do equal keys leave the order open. */

enum { KEY_BYTES = 7, KEY_MORE = 8, KEY_BLOCK = 256 };

/* AT has eight readable bytes, whatever the size. */
static inline uint64_t key_of(const uint8_t *at, size_t size)
{
    unsigned kept = size < KEY_BYTES ? (unsigned)size : KEY_BYTES;
    uint64_t mask = ~(uint64_t)0 << 8 << (8 * (KEY_BYTES - kept));
    return (__builtin_bswap64(load_u64le(at)) & mask) | (size < KEY_MORE ? size : KEY_MORE);
}

/* Two values of more than seven bytes. Those of up to sixteen are equal when both ends are. */
static inline int compare_long(struct span a, struct span b)
{
    if (a.size == b.size && a.size <= 16 && load_u64le(a.data) == load_u64le(b.data) &&
        load_u64le(a.data + a.size - 8) == load_u64le(b.data + b.size - 8))
        return 0;
    return compare_bytes(a, b);
}

struct extreme {
    uint64_t key;
    struct span value;
};

/* One of the values of a block, which begins at FIRST, has the key BEST: at least as extreme as the one in IO_FOUND. SIGN is 1 for
 * the smallest, -1 for the largest. */
static void take_extreme(const struct dense *values, size_t first, const uint64_t *keys, size_t n,
                         uint64_t best, int sign, struct extreme *io_found)
{
    uint16_t places[KEY_BLOCK];
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        places[count] = (uint16_t)i;
        count += keys[i] == best;
    }
    size_t i = 0;
    if (best != io_found->key) {
        io_found->key = best;
        io_found->value = dense_value(values, first + places[i++]);
    }
    for (; (best & UINT8_MAX) == KEY_MORE && i < count; i++) {
        struct span value = dense_value(values, first + places[i]);
        if (compare_long(value, io_found->value) * sign < 0)
            io_found->value = value;
    }
}

static void fill_keys(const struct dense *values, size_t first, size_t n, uint64_t *keys)
{
    const int64_t *offsets = values->offsets + first;
    const uint8_t *at = values->values + first * values->width;
    if (values->width == 0)
        for (size_t i = 0; i < n; i++)
            keys[i] = key_of(values->data + offsets[i], (size_t)(offsets[i + 1] - offsets[i]));
    else
        for (size_t i = 0; i < n; i++)
            keys[i] = key_of(at + i * values->width, values->width);
}

static void bounds_bytes(const struct dense *values, size_t first, size_t n, struct bounds *out)
{
    const struct kernels *kernel = kernels();
    uint64_t keys[KEY_BLOCK], low, high;
    struct extreme min = {.key = UINT64_MAX}; /* no value's key */
    struct extreme max = {.key = 0};          /* the empty value's */
    *out = (struct bounds){.set = n > 0};
    max.value.data = values->data;
    for (size_t at = first, end = first + n; at < end;) {
        size_t step = end - at < KEY_BLOCK ? end - at : KEY_BLOCK;
        fill_keys(values, at, step, keys);
        kernel->bounds_uint64(keys, step, &low, &high);
        if (low < min.key || (low == min.key && (low & UINT8_MAX) == KEY_MORE))
            take_extreme(values, at, keys, step, low, 1, &min);
        if (high > max.key || (high == max.key && (high & UINT8_MAX) == KEY_MORE))
            take_extreme(values, at, keys, step, high, -1, &max);
        at += step;
    }
    out->min = (struct bound){.size = min.value.size, .at = min.value.data};
    out->max = (struct bound){.size = max.value.size, .at = max.value.data};
}

static int compare_signed_fixed(struct span a, struct span b)
{
    if (a.size == 0 || a.size != b.size)
        return (a.size > b.size) - (a.size < b.size);
    int high = (int8_t)a.data[0] - (int8_t)b.data[0];
    return high != 0 ? (high < 0 ? -1 : 1) : compare_bytes(a, b);
}

static void bounds_signed_fixed(const struct dense *values, size_t first, size_t n,
                                struct bounds *out)
{
    *out = (struct bounds){.set = n > 0};
    if (n == 0)
        return;
    struct span min = dense_value(values, first), max = min;
    for (size_t i = first + 1; i < first + n; i++) {
        struct span value = dense_value(values, i);
        if (compare_signed_fixed(value, min) < 0)
            min = value;
        else if (compare_signed_fixed(value, max) > 0)
            max = value;
    }
    out->min = (struct bound){.size = min.size, .at = min.data};
    out->max = (struct bound){.size = max.size, .at = max.data};
}

static void bounds_none(const struct dense *values, size_t first, size_t n, struct bounds *out)
{
    *out = (struct bounds){0};
}

bounds_kernel *bounds_kernel_for(const struct leaf *leaf)
{
    static bounds_kernel *const orders[] = {
        [ORDER_NONE] = bounds_none,     [ORDER_BOOL] = bounds_bool,
        [ORDER_INT32] = bounds_int32,   [ORDER_INT64] = bounds_int64,
        [ORDER_UINT32] = bounds_uint32, [ORDER_UINT64] = bounds_uint64,
        [ORDER_FLOAT] = bounds_float,   [ORDER_DOUBLE] = bounds_double,
        [ORDER_BYTES] = bounds_bytes,   [ORDER_SIGNED_FIXED] = bounds_signed_fixed,
    };
    bool long_fixed = leaf->physical == PARQUET_FIXED && leaf->width > BOUND_TEXT_BYTES;
    return long_fixed ? bounds_none : orders[leaf->order]; /* fixed values can't be cut */
}

/* ---- order ---- */

#define COMPARE_AS(type)                                                                           \
    {                                                                                              \
        type x, y;                                                                                 \
        memcpy(&x, a.data, sizeof(x));                                                             \
        memcpy(&y, b.data, sizeof(y));                                                             \
        return (x > y) - (x < y);                                                                  \
    }

int bound_compare(enum leaf_order order, struct span a, struct span b)
{
    switch (order) {
    case ORDER_BOOL:
        COMPARE_AS(uint8_t)
    case ORDER_INT32:
        COMPARE_AS(int32_t)
    case ORDER_INT64:
        COMPARE_AS(int64_t)
    case ORDER_UINT32:
        COMPARE_AS(uint32_t)
    case ORDER_UINT64:
        COMPARE_AS(uint64_t)
    case ORDER_FLOAT:
        COMPARE_AS(float)
    case ORDER_DOUBLE:
        COMPARE_AS(double)
    case ORDER_SIGNED_FIXED:
        return compare_signed_fixed(a, b);
    case ORDER_BYTES:
    case ORDER_NONE:
        break;
    }
    return compare_bytes(a, b);
}

void bounds_merge(enum leaf_order order, struct bounds *into, const struct bounds *from)
{
    into->nan_count += from->nan_count;
    if (!from->set)
        return;
    if (!into->set || bound_compare(order, bound_span(&from->min), bound_span(&into->min)) < 0)
        into->min = from->min;
    if (!into->set || bound_compare(order, bound_span(&from->max), bound_span(&into->max)) > 0)
        into->max = from->max;
    into->set = true;
}

/* ---- cutting ---- */

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Largest number of bytes up to BOUND_TEXT_BYTES that ends at a character. */
static size_t cut_size(struct span value, bool is_text)
{
    size_t size = BOUND_TEXT_BYTES;
    while (is_text && size > 0 && is_continuation(value.data[size]))
        size--;
    return size;
}

static bool must_cut(const struct leaf *leaf, struct span value)
{
    return leaf->physical == PARQUET_BYTE_ARRAY && value.size > BOUND_TEXT_BYTES;
}

void bound_cut_min(const struct leaf *leaf, struct span value, struct span *out, bool *out_exact)
{
    *out_exact = !must_cut(leaf, value);
    *out = value;
    if (!*out_exact)
        out->size = cut_size(value, leaf->is_text);
}

static size_t put_utf8(uint32_t code, uint8_t *out)
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (uint8_t)(0xe0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

/* The character that ends at END; its first byte goes to *out_start. */
static uint32_t last_character(const uint8_t *bytes, size_t end, size_t *out_start)
{
    size_t start = end - 1;
    while (start > 0 && is_continuation(bytes[start]))
        start--;
    uint32_t code = bytes[start];
    size_t size = end - start;
    if (size > 1)
        code &= 0x7fu >> size;
    for (size_t i = start + 1; i < end; i++)
        code = code << 6 | (bytes[i] & 0x3f);
    *out_start = start;
    return code;
}

/* Raise the last character that has a successor and drop what follows it. 0: none has. */
static size_t raise_text(uint8_t *bytes, size_t size)
{
    while (size > 0) {
        size_t start = 0;
        uint32_t code = last_character(bytes, size, &start) + 1;
        if (code == 0xd800) /* surrogates are no characters */
            code = 0xe000;
        if (code <= 0x10ffff)
            return start + put_utf8(code, bytes + start);
        size = start;
    }
    return 0;
}

static size_t raise_bytes(uint8_t *bytes, size_t size)
{
    while (size > 0 && bytes[size - 1] == 0xff)
        size--;
    if (size > 0)
        bytes[size - 1]++;
    return size;
}

status bound_cut_max(const struct leaf *leaf, struct span value, struct arena *arena,
                     struct span *out, bool *out_raised, bool *out_exact, struct error *err)
{
    *out_raised = *out_exact = true;
    *out = value;
    if (!must_cut(leaf, value))
        return STATUS_OK;
    uint8_t *copy = arena_alloc(arena, BOUND_MAX_BYTES);
    if (!copy)
        return error_no_memory(err);
    size_t size = cut_size(value, leaf->is_text);
    memcpy(copy, value.data, size);
    size = leaf->is_text ? raise_text(copy, size) : raise_bytes(copy, size);
    *out = (struct span){copy, size};
    *out_raised = size > 0;
    *out_exact = false;
    return STATUS_OK;
}
