#include "source/postgres/rows.h"

#include <string.h>

#include "base/bytes.h"

/* PostgreSQL, COPY, "Binary Format": a signature, 32 bits of flags, the length of an extension; then tuples: 16 bits
 * of fields, each a length of 32 bits (-1: NULL) and its bytes; -1 fields: the end. */
static const uint8_t signature[] = "PGCOPY\n\377\r\n";
enum { SIGNATURE_BYTES = 11, HEAD_BYTES = 19, TRAILER = 0xffff };

status rows_init(struct rows *rows, size_t columns, struct error *err)
{
    *rows = (struct rows){.columns = columns};
    rows->at = mem_realloc_array(NULL, columns * BLOCK_ROWS + 1, sizeof(*rows->at));
    return rows->at ? STATUS_OK : error_no_memory(err);
}

void rows_release(struct rows *rows)
{
    mem_free(rows->at);
    *rows = (struct rows){0};
}

static status broken(struct error *err, const char *what)
{
    return error_set(err, STATUS_BAD_DATA, "the server's COPY stream does not hold: %s", what);
}

static status skip_head(struct rows *rows, const uint8_t **p, const uint8_t *end, struct error *err)
{
    rows->header_seen = true;
    if (end - *p < HEAD_BYTES || memcmp(*p, signature, SIGNATURE_BYTES) != 0)
        return broken(err, "it has no signature");
    uint32_t flags = load_u32be(*p + SIGNATURE_BYTES);
    uint32_t extension = load_u32be(*p + SIGNATURE_BYTES + 4);
    if (flags >> 16) /* those a reader must know */
        return broken(err, "unknown flags");
    if (extension > (size_t)(end - *p) - HEAD_BYTES)
        return broken(err, "its header is cut off");
    *p += HEAD_BYTES + extension;
    return STATUS_OK;
}

/* The fields of one tuple in [p, end). */
static inline bool find_fields(struct rows *rows, const uint8_t *base, const uint8_t *p,
                               const uint8_t *end)
{
    uint32_t *at = rows->at + rows->n;
    for (size_t f = 0; f < rows->columns; f++) {
        if (end - p < 4)
            return false;
        uint32_t length = load_u32be(p);
        size_t bytes = length == UINT32_MAX ? 0 : length;
        *at = (uint32_t)(p - base);
        at += BLOCK_ROWS;
        p += 4;
        if (bytes > (size_t)(end - p))
            return false;
        p += bytes;
    }
    return p == end;
}

/* One CopyData message: the header, a tuple, or the trailer. */
static inline status take_row(struct rows *rows, const uint8_t *base, const uint8_t *p,
                              const uint8_t *end, struct error *err)
{
    if (__builtin_expect(!rows->header_seen, 0)) {
        TRY(skip_head(rows, &p, end, err));
        if (p == end)
            return STATUS_OK;
    }
    if (end - p < 2)
        return broken(err, "a row without a number of fields");
    size_t fields = (size_t)(p[0] << 8 | p[1]);
    p += 2;
    if (fields == TRAILER && p == end)
        return STATUS_OK;
    if (fields != rows->columns)
        return broken(err, "a row with another number of fields");
    if (!find_fields(rows, base, p, end))
        return broken(err, "the fields of a row are not as long as the row");
    rows->n++;
    return STATUS_OK;
}

status rows_next(struct rows *rows, struct wire *wire, size_t max_rows, const struct cancel *cancel,
                 struct error *err)
{
    size_t most = max_rows < BLOCK_ROWS ? max_rows : BLOCK_ROWS;
    rows->n = 0;
    while (rows->n == 0) { /* a message may be header or trailer alone */
        TRY(wire_fill(wire, cancel, err));
        const uint8_t *base = wire->in.data;
        size_t size;
        while (rows->n < most && (size = wire_message(wire, wire->at)) > 0 &&
               base[wire->at] == 'd') {
            const uint8_t *message = base + wire->at;
            TRY(take_row(rows, base, message + WIRE_HEADER_BYTES, message + size, err));
            wire->at += size;
        }
        rows->base = base;
    }
    return STATUS_OK;
}

bool rows_cut_field(struct rows *rows, const struct wire *wire, size_t *out_column,
                    uint32_t *out_size)
{
    struct error ignored;
    rows->base = wire->in.data;
    if (!wire->cut || wire->in.size - wire->at < WIRE_HEADER_BYTES)
        return false;
    const uint8_t *p = rows->base + wire->at + WIRE_HEADER_BYTES;
    if (!rows->header_seen && /* it comes with the first row */
        skip_head(rows, &p, rows->base + wire->in.size, &ignored) != STATUS_OK)
        return false;
    size_t i = (size_t)(p - rows->base) + 2;
    for (size_t f = 0; f < rows->columns; f++) {
        if (i + 4 > wire->in.size)
            return false;
        uint32_t size = load_u32be(rows->base + i);
        rows->at[f * BLOCK_ROWS] = (uint32_t)i;
        i += 4;
        if (size == UINT32_MAX)
            continue;
        if (size > wire->in.size - i) {
            *out_column = f;
            *out_size = size;
            return true;
        }
        i += size;
    }
    return false;
}
