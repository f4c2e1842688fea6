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
