/* Rows in through the Arrow C data interface, by copying. What comes is another library's: lengths and
 * pointers are trusted as the interface says, values are not (UTF-8, units, widths are checked), and what
 * lies under a NULL is not carried over. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "batch/arrow.h"
#include "batch/bitmap.h"

/* How the values of a format lie in memory, and what makes them ours. */
enum layout {
    LAYOUT_BITS,
    LAYOUT_COPY,   /* the same width */
    LAYOUT_NUMBER, /* signed of `width` bytes, times multiply, divided by divide without a rest */
    LAYOUT_NARROW, /* decimals of `width` bytes to fewer, where the upper ones are only the sign */
    LAYOUT_TEXT,   /* offsets of `width` bytes */
    LAYOUT_LIST,   /* the same, with a child */
    LAYOUT_STRUCT,
};

struct form {
    struct type type;
    enum layout layout;
    size_t width;
    int64_t multiply, divide;
};

/* ---- formats ---- */

static const struct {
    const char *format;
    struct form form;
} forms[] = {
    {"b", {{.id = TYPE_BOOL}, LAYOUT_BITS}},
    {"c", {{.id = TYPE_INT8}, LAYOUT_COPY}},
    {"s", {{.id = TYPE_INT16}, LAYOUT_COPY}},
    {"i", {{.id = TYPE_INT32}, LAYOUT_COPY}},
    {"l", {{.id = TYPE_INT64}, LAYOUT_COPY}},
    {"C", {{.id = TYPE_UINT8}, LAYOUT_COPY}},
    {"S", {{.id = TYPE_UINT16}, LAYOUT_COPY}},
    {"I", {{.id = TYPE_UINT32}, LAYOUT_COPY}},
    {"L", {{.id = TYPE_UINT64}, LAYOUT_COPY}},
    {"f", {{.id = TYPE_FLOAT32}, LAYOUT_COPY}},
    {"g", {{.id = TYPE_FLOAT64}, LAYOUT_COPY}},
    {"u", {{.id = TYPE_UTF8}, LAYOUT_TEXT, 4}},
    {"U", {{.id = TYPE_UTF8}, LAYOUT_TEXT, 8}},
    {"z", {{.id = TYPE_BINARY}, LAYOUT_TEXT, 4}},
    {"Z", {{.id = TYPE_BINARY}, LAYOUT_TEXT, 8}},
    {"tdD", {{.id = TYPE_DATE}, LAYOUT_COPY}},
    {"tts", {{.id = TYPE_TIME}, LAYOUT_NUMBER, 4, 1000000, 1}},
    {"ttm", {{.id = TYPE_TIME}, LAYOUT_NUMBER, 4, 1000, 1}},
    {"ttu", {{.id = TYPE_TIME}, LAYOUT_NUMBER, 8, 1, 1}},
    {"ttn", {{.id = TYPE_TIME}, LAYOUT_NUMBER, 8, 1, 1000}},
    {"tin", {{.id = TYPE_INTERVAL}, LAYOUT_COPY}},
    {"+l", {{.id = TYPE_LIST}, LAYOUT_LIST, 4}},
    {"+L", {{.id = TYPE_LIST}, LAYOUT_LIST, 8}},
    {"+m", {{.id = TYPE_MAP}, LAYOUT_LIST, 4}},
    {"+s", {{.id = TYPE_STRUCT}, LAYOUT_STRUCT}},
};

static bool parse_decimal_format(const char *format, struct form *out)
{
    int precision = 0, scale = 0, bits = 128, used = 0;
    if (sscanf(format, "d:%d,%d%n,%d%n", &precision, &scale, &used, &bits, &used) < 2 ||
        format[used] || precision < 1 || scale < 0 || scale > precision ||
        (bits != 128 && bits != 256) ||
        precision > (bits == 128 ? DECIMAL128_MAX_PRECISION : DECIMAL_MAX_PRECISION))
        return false;
    size_t width = (size_t)bits / 8;
    *out = (struct form){{.id = TYPE_DECIMAL, .precision = precision, .scale = scale},
                         width > decimal_value_bytes(precision) ? LAYOUT_NARROW : LAYOUT_COPY,
                         width};
    return true;
}

static bool parse_timestamp_format(const char *format, struct form *out)
{
    static const struct {
        char unit;
        int64_t multiply, divide;
    } units[] = {{'s', 1000000, 1}, {'m', 1000, 1}, {'u', 1, 1}, {'n', 1, 1000}};
    if (format[2] == '\0' || format[3] != ':')
        return false;
    for (size_t i = 0; i < 4; i++) {
        if (units[i].unit != format[2])
            continue;
        *out = (struct form){{.id = TYPE_TIMESTAMP, .utc = format[4] != '\0'},
                             LAYOUT_NUMBER,
                             8,
                             units[i].multiply,
                             units[i].divide};
        return true;
    }
    return false;
}

static bool parse_width_format(const char *format, struct form *out)
{
    int64_t width;
    if (!text_parse_int64(format + 2, strlen(format + 2), &width) || width < 1 || width > INT32_MAX)
        return false;
    *out = (struct form){{.id = TYPE_FIXED_BINARY, .width = (int32_t)width}, LAYOUT_COPY};
    return true;
}

/* Is KEY = VALUE in the metadata of a schema? */
static bool metadata_says(const char *metadata, const char *key, const char *value)
{
    if (!metadata)
        return false;
    uint32_t pairs = load_u32le(metadata);
    const char *at = metadata + 4;
    for (uint32_t i = 0; i < pairs; i++) {
        uint32_t key_size = load_u32le(at);
        const char *key_bytes = at + 4;
        uint32_t value_size = load_u32le(key_bytes + key_size);
        const char *value_bytes = key_bytes + key_size + 4;
        if (key_size == strlen(key) && memcmp(key_bytes, key, key_size) == 0)
            return value_size == strlen(value) && memcmp(value_bytes, value, value_size) == 0;
        at = value_bytes + value_size;
    }
    return false;
}

static bool find_form(const struct ArrowSchema *schema, struct form *out)
{
    const char *format = schema->format;
    if (schema->dictionary)
        return false;
    if (strncmp(format, "d:", 2) == 0)
        return parse_decimal_format(format, out);
    if (strncmp(format, "ts", 2) == 0)
        return parse_timestamp_format(format, out);
    if (strncmp(format, "w:", 2) == 0)
        return parse_width_format(format, out);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (strcmp(forms[i].format, format) == 0) {
            *out = forms[i].form;
            return true;
        }
    }
    return false;
}

static status form_of(const struct ArrowSchema *schema, struct form *out, struct error *err)
{
    static const char key[] = "ARROW:extension:name";
    const char *name = schema->name ? schema->name : "";
    if (!find_form(schema, out))
        return error_set(err, STATUS_BAD_DATA,
                         "column \"%s\": Arrow format \"%s\"%s is not taken; cast it first", name,
                         schema->format, schema->dictionary ? " with a dictionary" : "");
    int64_t children = schema->n_children;
    bool list = out->layout == LAYOUT_LIST;
    if (list ? children != 1 : out->layout != LAYOUT_STRUCT && children != 0)
        return error_set(err, STATUS_BAD_DATA,
                         "column \"%s\": Arrow format \"%s\" with %" PRId64 " children", name,
                         schema->format, children);
    if (out->type.id == TYPE_FIXED_BINARY && out->type.width == 16 &&
        metadata_says(schema->metadata, key, "arrow.uuid"))
        out->type = (struct type){.id = TYPE_UUID};
    if (out->type.id == TYPE_UTF8 && metadata_says(schema->metadata, key, "arrow.json"))
        out->type.id = TYPE_JSON;
    return STATUS_OK;
}

/* ---- schema ---- */

static status import_field(const struct ArrowSchema *schema, struct arena *arena, struct field *out,
                           struct error *err)
{
    struct form form;
    TRY(form_of(schema, &form, err));
    size_t n = (size_t)schema->n_children;
    struct field *children = n ? arena_alloc(arena, n * sizeof(*children)) : NULL;
    out->name = arena_strdup(arena, schema->name ? schema->name : "");
    if (!out->name || (n && !children))
        return error_no_memory(err);
    for (size_t i = 0; i < n; i++)
        TRY_IN(import_field(schema->children[i], arena, &children[i], err), err, "in column \"%s\"",
               out->name);
    out->type = form.type;
    out->nullable = schema->flags & ARROW_FLAG_NULLABLE;
    out->children = children;
    out->n_children = n;
    return STATUS_OK;
}

status arrow_import_schema(const struct ArrowSchema *schema, struct schema *out, struct error *err)
{
    struct schema made = {0};
    SCOPED(arena_release) struct arena scratch = {0};
    if (strcmp(schema->format, "+s") != 0)
        return error_set(err, STATUS_BAD_DATA,
                         "Arrow format \"%s\" where a struct of columns (\"+s\") was expected",
                         schema->format);
    for (int64_t i = 0; i < schema->n_children; i++) {
        struct field field = {0};
        status s = import_field(schema->children[i], &scratch, &field, err);
        if (s == STATUS_OK)
            s = schema_append(&made, &field, err);
        if (s != STATUS_OK) {
            schema_release(&made);
            return s;
        }
    }
    *out = made;
    return STATUS_OK;
}

/* ---- rows ---- */

static const uint8_t EMPTY_TEXT[1];

/* One array and the rows of it that are wanted, numbered as its buffers are. */
struct source {
    const struct ArrowSchema *schema;
    const struct ArrowArray *array;
    const uint8_t *validity; /* NULL: no NULLs among the rows */
    size_t first, n;
};

static const uint8_t *buffer_of(const struct source *from, int64_t i)
{
    return i < from->array->n_buffers ? from->array->buffers[i] : NULL;
}

static bool is_null(const struct source *from, size_t i)
{
    return from->validity && !bit_get(from->validity, from->first + i);
}

static size_t count_nulls(const struct source *from)
{
    size_t nulls = 0;
    for (size_t i = 0; i < from->n; i++)
        nulls += is_null(from, i);
    return nulls;
}

static struct source source_of(const struct ArrowSchema *schema, const struct ArrowArray *array,
                               size_t first, size_t n)
{
    struct source from = {
        .schema = schema, .array = array, .first = first + (size_t)array->offset, .n = n};
    if (array->null_count != 0)
        from.validity = buffer_of(&from, 0);
    if (count_nulls(&from) == 0)
        from.validity = NULL;
    return from;
}

static status import_rows(struct column *into, const struct source *from, struct error *err);

static status bad_value(const struct column *into, size_t row, const char *what, struct error *err)
{
    return error_set(err, STATUS_BAD_DATA, "column \"%s\", row %zu of the Arrow array: %s",
                     into->field->name, row, what);
}

static int64_t load_number(const uint8_t *values, size_t width, size_t i)
{
    if (width == 4)
        return (int32_t)load_u32le(values + i * 4);
    return (int64_t)load_u64le(values + i * 8);
}

static status import_number(struct column *into, const struct source *from, const struct form *form,
                            struct error *err)
{
    const uint8_t *values = buffer_of(from, 1);
    for (size_t i = 0; i < from->n; i++) {
        if (is_null(from, i)) {
            TRY(column_append_null(into, err));
            continue;
        }
        int64_t value = load_number(values, form->width, from->first + i);
        if (value % form->divide != 0)
            return bad_value(into, i, "nanoseconds that are no whole microseconds", err);
        value /= form->divide;
        if (__builtin_mul_overflow(value, form->multiply, &value))
            return bad_value(into, i, "does not fit 64 bits of microseconds", err);
        column_append_i64(into, value);
    }
    return STATUS_OK;
}

static status import_fixed(struct column *into, const struct source *from, struct error *err)
{
    const uint8_t *values = buffer_of(from, 1);
    size_t width = into->value_bytes;
    if (from->validity) {
        for (size_t i = 0; i < from->n; i++) {
            if (is_null(from, i))
                TRY(column_append_null(into, err));
            else
                column_append_fixed(into, values + (from->first + i) * width);
        }
        return STATUS_OK;
    }
    struct column view = {.field = into->field, .rows = from->n, .value_bytes = width};
    view.values.data = (uint8_t *)(uintptr_t)(values + from->first * width); /* only read */
    return column_append_range(into, &view, 0, from->n, err);
}

static bool is_sign(const uint8_t *bytes, size_t n, uint8_t sign)
{
    uint8_t other = 0;
    for (size_t i = 0; i < n; i++)
        other |= bytes[i] ^ sign;
    return other == 0;
}

static status import_narrow(struct column *into, const struct source *from, const struct form *form,
                            struct error *err)
{
    size_t width = into->value_bytes;
    const uint8_t *values = buffer_of(from, 1);
    for (size_t i = 0; i < from->n; i++) {
        if (is_null(from, i)) {
            TRY(column_append_null(into, err));
            continue;
        }
        const uint8_t *value = values + (from->first + i) * form->width;
        uint8_t sign = value[width - 1] & 0x80 ? 0xff : 0;
        if (!is_sign(value + width, form->width - width, sign))
            return bad_value(into, i, "a decimal wider than its precision", err);
        column_append_fixed(into, value);
    }
    return STATUS_OK;
}

static status import_bits(struct column *into, const struct source *from, struct error *err)
{
    const uint8_t *bits = buffer_of(from, 1);
    for (size_t i = 0; i < from->n; i++) {
        if (is_null(from, i))
            TRY(column_append_null(into, err));
        else
            column_append_bool(into, bit_get(bits, from->first + i));
    }
    return STATUS_OK;
}

static status import_text(struct column *into, const struct source *from, const struct form *form,
                          struct error *err)
{
    const uint8_t *offsets = buffer_of(from, 1);
    const uint8_t *data = buffer_of(from, 2);
    bool text = form->type.id != TYPE_BINARY;
    for (size_t i = 0; i < from->n; i++) {
        if (is_null(from, i)) {
            TRY(column_append_null(into, err));
            continue;
        }
        int64_t start = load_number(offsets, form->width, from->first + i);
        int64_t end = load_number(offsets, form->width, from->first + i + 1);
        if (start < 0 || end < start)
            return bad_value(into, i, "offsets fall", err);
        size_t size = (size_t)(end - start);
        const uint8_t *value = size ? data + start : EMPTY_TEXT;
        if (text && text_utf8_valid_prefix((const char *)value, size) != size)
            return bad_value(into, i, "text that is not UTF-8", err);
        TRY(column_append_bytes(into, value, size, err));
    }
    return STATUS_OK;
}

static status import_list(struct column *into, const struct source *from, const struct form *form,
                          struct error *err)
{
    const uint8_t *offsets = buffer_of(from, 1);
    for (size_t i = 0; i < from->n; i++) {
        if (is_null(from, i)) {
            TRY(column_append_null(into, err));
            continue;
        }
        int64_t start = load_number(offsets, form->width, from->first + i);
        int64_t end = load_number(offsets, form->width, from->first + i + 1);
        if (start < 0 || end < start)
            return bad_value(into, i, "offsets fall", err);
        struct source inner = source_of(from->schema->children[0], from->array->children[0],
                                        (size_t)start, (size_t)(end - start));
        TRY(import_rows(&into->children[0], &inner, err));
        column_append_nested(into);
    }
    return STATUS_OK;
}

/* Runs of structs that are there, and NULLs between them: a child's row under a NULL is not carried. */
static status import_struct(struct column *into, const struct source *from, struct error *err)
{
    for (size_t i = 0; i < from->n;) {
        if (is_null(from, i)) {
            TRY(column_append_null(into, err));
            i++;
            continue;
        }
        size_t run = i + 1;
        while (run < from->n && !is_null(from, run))
            run++;
        for (size_t c = 0; c < into->n_children; c++) {
            struct source inner = source_of(from->schema->children[c], from->array->children[c],
                                            from->first + i, run - i);
            TRY(import_rows(&into->children[c], &inner, err));
        }
        for (; i < run; i++)
            column_append_nested(into);
    }
    return STATUS_OK;
}

static status import_rows(struct column *into, const struct source *from, struct error *err)
{
    struct form form;
    TRY(form_of(from->schema, &form, err));
    if (!type_equal(form.type, into->field->type) ||
        (size_t)from->array->n_children != into->n_children)
        return error_set(err, STATUS_BAD_DATA,
                         "column \"%s\": the Arrow array is of another type than the batch",
                         into->field->name);
    if (from->n == 0)
        return STATUS_OK;
    TRY(column_reserve(into, from->n, err));
    switch (form.layout) {
    case LAYOUT_BITS:
        return import_bits(into, from, err);
    case LAYOUT_COPY:
        return import_fixed(into, from, err);
    case LAYOUT_NUMBER:
        return import_number(into, from, &form, err);
    case LAYOUT_NARROW:
        return import_narrow(into, from, &form, err);
    case LAYOUT_TEXT:
        return import_text(into, from, &form, err);
    case LAYOUT_LIST:
        return import_list(into, from, &form, err);
    case LAYOUT_STRUCT:
        return import_struct(into, from, err);
    }
    return error_set(err, STATUS_BUG, "an Arrow layout without a reader");
}

static status import_columns(const struct source *root, struct batch *into, struct error *err)
{
    for (size_t i = 0; i < into->schema->n_fields; i++) {
        struct source from =
            source_of(root->schema->children[i], root->array->children[i], root->first, root->n);
        TRY(import_rows(&into->columns[i], &from, err));
    }
    return STATUS_OK;
}

status arrow_import_batch(const struct ArrowSchema *schema, const struct ArrowArray *array,
                          struct batch *into, struct error *err)
{
    struct source root = source_of(schema, array, 0, (size_t)array->length);
    if ((size_t)array->n_children != into->schema->n_fields ||
        schema->n_children != array->n_children)
        return error_set(err, STATUS_BAD_DATA,
                         "an Arrow array of %" PRId64 " columns, expected %zu", array->n_children,
                         into->schema->n_fields);
    if (root.validity)
        return error_set(err, STATUS_BAD_DATA, "the Arrow array has rows that are NULL as a whole");
    status s = import_columns(&root, into, err);
    if (s != STATUS_OK) {
        batch_truncate(into, into->rows); /* columns that got their rows give them back */
        return s;
    }
    into->rows += root.n;
    return STATUS_OK;
}
