#include "source/postgres/decode.h"

#include <inttypes.h>
#include <string.h>

#include "batch/scalar.h"

/* One value in a one-row column, and its canonical text. */
static bool by_scalar(enum wire_form form, struct type type, const uint8_t *value, int32_t size,
                      struct text *out)
{
    struct field field = {.name = "", .type = type};
    struct column column;
    struct decoder decoder;
    struct arena arena = {0};
    uint8_t copy[4 + 32 + 64] = {0};
    uint32_t at = 0;
    bool told = false;
    if (size < 0 || size > 32 || !decoder_init(&decoder, form, type) ||
        column_init(&column, &field, NULL) != STATUS_OK)
        return false;
    store_u32le(copy, __builtin_bswap32((uint32_t)size));
    memcpy(copy + 4, value, (size_t)size);
    struct fields one = {copy, &at, 1};
    size_t row = 0;
    if (decode_column(&decoder, &column, &one, &row, NULL) == STATUS_OK && row == 1) {
        struct scalar scalar;
        scalar_from_column(&scalar, &column, 0);
        const char *text = scalar_text(&scalar, &arena);
        if (text)
            text_append(out, text);
        told = text != NULL;
    }
    column_release(&column);
    arena_release(&arena);
    return told;
}

static void hex(const uint8_t *value, int32_t size, struct text *out)
{
    enum { SHOWN = 64 };
    text_append(out, "0x");
    for (int32_t i = 0; i < size && i < SHOWN; i++)
        text_printf(out, "%02x", value[i]);
    if (size > SHOWN)
        text_append(out, "...");
}

static bool infinite(enum wire_form form, const uint8_t *value, int32_t size, struct text *out)
{
    if (form == WIRE_INTERVAL && size == 16) { /* since PostgreSQL 17 */
        int64_t micros = (int64_t)load_u64be(value);
        bool all = micros == INT64_MAX ? load_u64be(value + 8) == UINT64_C(0x7fffffff7fffffff)
                                       : micros == INT64_MIN &&
                                             load_u64be(value + 8) == UINT64_C(0x8000000080000000);
        if (all)
            text_append(out, micros > 0 ? "infinity" : "-infinity");
        return all;
    }
    if (form == WIRE_DATE && size == 4) {
        int32_t days = (int32_t)load_u32be(value);
        if (days == INT32_MAX || days == INT32_MIN)
            text_append(out, days > 0 ? "infinity" : "-infinity");
        return days == INT32_MAX || days == INT32_MIN;
    }
    if (form == WIRE_TIMESTAMP && size == 8) {
        int64_t micros = (int64_t)load_u64be(value);
        if (micros == INT64_MAX || micros == INT64_MIN)
            text_append(out, micros > 0 ? "infinity" : "-infinity");
        else if (micros > INT64_MAX - INT64_C(946684800000000))
            text_printf(out, "a timestamp %" PRId64 " microseconds behind 2000-01-01", micros);
        else
            return false;
        return true;
    }
    return false;
}

void field_text(enum wire_form form, const uint8_t *value, int32_t size, struct text *out)
{
    static const struct type types[] = {
        [WIRE_BOOL] = {.id = TYPE_BOOL},
        [WIRE_INT2] = {.id = TYPE_INT16},
        [WIRE_INT4] = {.id = TYPE_INT32},
        [WIRE_INT8] = {.id = TYPE_INT64},
        [WIRE_OID] = {.id = TYPE_INT64},
        [WIRE_FLOAT4] = {.id = TYPE_FLOAT32},
        [WIRE_FLOAT8] = {.id = TYPE_FLOAT64},
        [WIRE_MONEY] = {.id = TYPE_DECIMAL, .precision = 19, .scale = 2},
        [WIRE_DATE] = {.id = TYPE_DATE},
        [WIRE_TIME] = {.id = TYPE_TIME},
        [WIRE_TIMESTAMP] = {.id = TYPE_TIMESTAMP},
        [WIRE_INTERVAL] = {.id = TYPE_INTERVAL},
        [WIRE_UUID] = {.id = TYPE_UUID},
        [WIRE_RECORD] = {0},
    };
    if (size < 0) {
        text_append(out, "NULL");
        return;
    }
    size_t skip = form == WIRE_JSONB && size > 0;
    switch (form) {
    case WIRE_TEXT:
    case WIRE_JSONB:
        if (text_utf8_valid_prefix((const char *)value + skip, (size_t)size - skip) ==
            (size_t)size - skip)
            text_append_bytes(out, (const char *)value + skip, (size_t)size - skip);
        else
            hex(value, size, out);
        return;
    case WIRE_NUMERIC:
        if (!numeric_text(value, (size_t)size, out))
            hex(value, size, out);
        return;
    case WIRE_ARRAY:
    case WIRE_RECORD:
    case WIRE_BYTEA:
        hex(value, size, out);
        return;
    default:
        if (!infinite(form, value, size, out) && !by_scalar(form, types[form], value, size, out))
            hex(value, size, out);
    }
}

/* ---- arrays and records ---- */

/* What is left of one value. */
struct cursor {
    const uint8_t *p;
    size_t left;
};

static bool take_u32(struct cursor *cursor, uint32_t *out)
{
    if (cursor->left < sizeof(*out))
        return false;
    *out = load_u32be(cursor->p);
    cursor->p += sizeof(*out);
    cursor->left -= sizeof(*out);
    return true;
}

/* Texts are in quotes, so that commas and braces inside are seen as theirs. */
static void put_part(const struct decoder *part, const uint8_t *value, int32_t size,
                     struct text *out)
{
    SCOPED(text_release) struct text text = {0};
    bool quoted = size >= 0 && !part->n_children && type_is_text_like(part->type);
    decoder_text(part, value, size, &text);
    if (quoted)
        text_append_char(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        if (quoted && (text.data[i] == '"' || text.data[i] == '\\'))
            text_append_char(out, '\\');
        text_append_char(out, text.data[i]);
    }
    if (quoted)
        text_append_char(out, '"');
}

static bool take_part(const struct decoder *part, struct cursor *cursor, struct text *out)
{
    uint32_t size;
    if (!take_u32(cursor, &size) || (size != UINT32_MAX && size > cursor->left))
        return false;
    put_part(part, cursor->p, (int32_t)size, out);
    if (size != UINT32_MAX) {
        cursor->p += size;
        cursor->left -= size;
    }
    return true;
}

/* The elements below one dimension; SIZES are those of the N that are left, none of them 0, so that the value ends the
 * loops of a count that lies. */
static bool take_dimension(const struct decoder *element, struct cursor *cursor,
                           const uint32_t *sizes, uint32_t n, struct text *out)
{
    text_append_char(out, '{');
    for (uint32_t i = 0; i < sizes[0]; i++) {
        if (i > 0)
            text_append_char(out, ',');
        if (!(n > 1 ? take_dimension(element, cursor, sizes + 1, n - 1, out)
                    : take_part(element, cursor, out)))
            return false;
    }
    text_append_char(out, '}');
    return true;
}

static bool array_text(const struct decoder *decoder, struct cursor cursor, struct text *out)
{
    enum { MOST_DIMENSIONS = 6 };
    uint32_t n, flags, oid, lower, sizes[MOST_DIMENSIONS];
    if (!take_u32(&cursor, &n) || !take_u32(&cursor, &flags) || !take_u32(&cursor, &oid) ||
        n > MOST_DIMENSIONS)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        if (!take_u32(&cursor, &sizes[i]) || !take_u32(&cursor, &lower) || sizes[i] == 0)
            return false;
    }
    if (n == 0)
        text_append(out, "{}");
    else if (!take_dimension(decoder->children, &cursor, sizes, n, out))
        return false;
    return cursor.left == 0;
}

static bool record_text(const struct decoder *decoder, struct cursor cursor, struct text *out)
{
    uint32_t n, oid;
    if (!take_u32(&cursor, &n) || n != decoder->n_children)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        text_append_char(out, i ? ',' : '(');
        if (!take_u32(&cursor, &oid) || !take_part(&decoder->children[i], &cursor, out))
            return false;
    }
    text_append_char(out, ')');
    return cursor.left == 0;
}

void decoder_text(const struct decoder *decoder, const uint8_t *value, int32_t size,
                  struct text *out)
{
    size_t before = out->size;
    struct cursor all = {value, size < 0 ? 0 : (size_t)size};
    if (size >= 0 && decoder->n_children > 0) {
        if (decoder->form == WIRE_ARRAY ? array_text(decoder, all, out)
                                        : record_text(decoder, all, out))
            return;
        out->size = before; /* it does not hold: its bytes */
    }
    field_text(decoder->form, value, size, out);
}
