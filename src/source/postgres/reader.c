/* Rows of one split into batches. */
#include <string.h>

#include "source/postgres/cancel.h"
#include "source/postgres/decode.h"
#include "source/postgres/postgres.h"
#include "source/postgres/rows.h"
#include "source/postgres/statement.h"
#include "source/postgres/unchanged.h"
#include "source/reject.h"
#include "source/select.h"

struct slot {
    struct decoder decoder;
    enum value_policy policy;
};

struct reader {
    struct source *source;
    const struct read_plan *plan;
    const struct split *split;
    struct reader_options options;
    PGconn *conn;
    struct wire wire;
    struct rows rows;
    struct slot *slots;
    size_t n_slots;
    uint64_t *policy_counts;
    uint8_t *rejected; /* of the block: 1 = the row is left out */
    bool any_rejected;
    bool drained;
    struct reader_counts counts;
};

enum { KEY_SHOWN = 100 };

/* ---- messages and rejected rows ---- */

static void show_field(const struct reader *reader, size_t column, size_t row, struct text *out)
{
    const uint8_t *p = reader->rows.base + reader->rows.at[column * BLOCK_ROWS + row];
    decoder_text(&reader->slots[column].decoder, p + 4, (int32_t)load_u32be(p), out);
}

/* At most MOST bytes of it, no character cut in two. */
static void show_short(const struct reader *reader, size_t column, size_t row, size_t most,
                       struct text *out)
{
    show_field(reader, column, row, out);
    if (out->size <= most)
        return;
    while (most > 0 && ((uint8_t)out->data[most] & 0xc0) == 0x80)
        most--;
    out->size = most;
    text_append(out, "...");
}

static bool field_is_null(const struct reader *reader, size_t column, size_t row)
{
    return load_u32be(reader->rows.base + reader->rows.at[column * BLOCK_ROWS + row]) == UINT32_MAX;
}

/* Which row it is, by its key. Where there is none, or it is not among the N fields that are there: by the first column, and
 * the split. */
static void which_row(const struct reader *reader, size_t row, size_t n, struct text *out)
{
    const struct plan_watch *watch = reader->plan->driver;
    const struct field *fields = reader->plan->schema.fields;
    size_t n_key = watch ? watch->n_key : 0, known = 0;
    while (known < n_key && watch->key[known] < n)
        known++;
    bool whole = n_key > 0 && known == n_key;
    text_append(out, whole ? "in the row with the primary key" : "in a row");
    for (size_t i = 0; whole && i < n_key; i++) {
        SCOPED(text_release) struct text value = {0};
        show_short(reader, watch->key[i], row, KEY_SHOWN, &value);
        text_printf(out, "%s \"%s\" = %s", i ? "," : "", fields[watch->key[i]].name,
                    text_string(&value));
    }
    if (!whole && n > 0) {
        SCOPED(text_release) struct text value = {0};
        show_short(reader, 0, row, KEY_SHOWN, &value);
        text_printf(out, " whose first column is \"%s\" = %s", fields[0].name, text_string(&value));
    }
    if (!whole)
        text_printf(out, " (%s; it is in %s)",
                    n_key ? "its primary key comes behind that value" : "no primary key is read",
                    reader->split->text);
}

static void why_words(const struct reader *reader, size_t column, size_t row, struct text *out)
{
    enum { SHOWN = 200 };
    if (field_is_null(reader, column, row)) {
        text_append(out, "NULL in a column that is NOT NULL");
        return;
    }
    SCOPED(text_release) struct text value = {0};
    char type[64];
    show_short(reader, column, row, SHOWN, &value);
    text_printf(out, "value %s does not fit %s", text_string(&value),
                type_text(reader->plan->schema.fields[column].type, type));
}

static status reject_row(struct reader *reader, size_t column, size_t row, struct error *err)
{
    SCOPED(rejected_row_release) struct rejected_row rejected = {0};
    SCOPED(text_release) struct text why = {0};
    const struct field *fields = reader->plan->schema.fields;
    why_words(reader, column, row, &why);
    rejected_row_init(&rejected, reader->plan->relation, NULL, fields[column].name, &why);
    for (size_t i = 0; i < reader->n_slots; i++) {
        SCOPED(text_release) struct text value = {0};
        show_field(reader, i, row, &value);
        TRY(text_check(&value, err));
        rejected_row_value(&rejected, fields[i].name,
                           field_is_null(reader, i, row) ? NULL : text_string(&value), value.size);
    }
    reader->rejected[row] = 1;
    reader->any_rejected = true;
    reader->counts.rejected++;
    return rejected_row_send(&rejected, &reader->options, err);
}

/* ---- values that do not fit ---- */

static status misfit(struct reader *reader, size_t i, size_t row, struct column *column,
                     struct error *err)
{
    switch (reader->slots[i].policy) {
    case POLICY_NULL:
        if (!column->field->nullable) /* a NULL where the server promised none */
            break;
        reader->policy_counts[i]++;
        return column_append_null(column, err);
    case POLICY_REJECT:
        if (!reader->rejected[row])
            TRY(reject_row(reader, i, row, err));
        return column_append_null(column, err); /* drop_rejected takes it out again */
    case POLICY_TEXT:
    case POLICY_ERROR:
        break;
    }
    SCOPED(text_release) struct text why = {0};
    SCOPED(text_release) struct text which = {0};
    why_words(reader, i, row, &why);
    which_row(reader, row, reader->n_slots, &which);
    (void)error_set(err, STATUS_BAD_DATA,
                    "%s; correct it, or set columns: {%s: {type: ...}} or {on_error: reject} "
                    "(null, text)",
                    text_string(&why), reader->plan->schema.fields[i].name);
    (void)error_context(err, "in column \"%s\", %s", reader->plan->schema.fields[i].name,
                        text_string(&which));
    return error_context(err, "in %s, split %u of %zu", reader->plan->relation,
                         reader->split->number + 1, reader->plan->n_splits);
}

static status append_column(struct reader *reader, size_t i, struct column *column,
                            struct error *err)
{
    struct fields fields = {reader->rows.base, reader->rows.at + i * BLOCK_ROWS, reader->rows.n};
    size_t row = 0;
    for (;;) {
        TRY(decode_column(&reader->slots[i].decoder, column, &fields, &row, err));
        if (row == fields.n)
            return STATUS_OK;
        TRY(misfit(reader, i, row, column, err));
        row++;
    }
}

/* N: how many fields of the row are there. */
static status value_too_large(const struct reader *reader, size_t column, size_t row, size_t n,
                              uint32_t size, struct error *err)
{
    SCOPED(text_release) struct text which = {0};
    char is[32], most[32];
    which_row(reader, row, n, &which);
    return error_set(
        err, STATUS_BAD_DATA,
        "%s: column \"%s\" holds a value of %s (%u bytes) %s; the limit is %s, a third of the "
        "memory budget: raise --memory, or leave the column out with select",
        reader->plan->relation, reader->plan->schema.fields[column].name,
        text_format_bytes(size, is), size, text_string(&which),
        text_format_bytes(reader->options.max_value_bytes, most));
}

static status check_value_sizes(struct reader *reader, struct error *err)
{
    size_t most = reader->options.max_value_bytes;
    for (size_t i = 0; most && i < reader->n_slots; i++) {
        for (size_t row = 0; row < reader->rows.n; row++) {
            uint32_t size = load_u32be(reader->rows.base + reader->rows.at[i * BLOCK_ROWS + row]);
            if (size != UINT32_MAX && size > most)
                return value_too_large(reader, i, row, reader->n_slots, size, err);
        }
    }
    return STATUS_OK;
}

/* Rows larger than all of the memory are refused before they are read. */
static status next_block(struct reader *reader, size_t max_rows, struct error *err)
{
    size_t column;
    uint32_t size;
    status_code s = rows_next(&reader->rows, &reader->wire, max_rows, reader->options.cancel, err);
    if (s == STATUS_BAD_DATA && rows_cut_field(&reader->rows, &reader->wire, &column, &size) &&
        size > reader->options.max_value_bytes)
        return value_too_large(reader, column, 0, column, size, err);
    return s;
}

/* Take the rejected rows of the block, the last of INTO, out again. */
static status drop_rejected(struct reader *reader, struct batch *into, size_t before,
                            struct error *err)
{
    struct batch kept;
    uint32_t picks[BLOCK_ROWS];
    size_t n = 0;
    for (size_t row = 0; row < reader->rows.n; row++) {
        if (!reader->rejected[row])
            picks[n++] = (uint32_t)(before + row);
    }
    TRY(batch_init(&kept, into->schema, err));
    status_code s = batch_gather(&kept, into, picks, n, err);
    batch_truncate(into, before);
    if (s == STATUS_OK)
        s = batch_append_range(into, &kept, 0, n, err);
    batch_release(&kept);
    memset(reader->rejected, 0, BLOCK_ROWS);
    reader->any_rejected = false;
    return s;
}

static status append_block(struct reader *reader, struct batch *into, struct error *err)
{
    size_t before = into->rows;
    TRY(check_value_sizes(reader, err));
    for (size_t i = 0; i < reader->n_slots; i++)
        TRY(append_column(reader, i, &into->columns[i], err));
    into->rows += reader->rows.n;
    reader->counts.rows += reader->rows.n;
    return reader->any_rejected ? drop_rejected(reader, into, before, err) : STATUS_OK;
}

status postgres_reader_next(struct reader *reader, struct batch *into, size_t max_rows,
                            size_t max_bytes, struct error *err)
{
    size_t end = into->rows + max_rows;
    while (into->rows < end) {
        status_code s = reader->drained ? STATUS_END : next_block(reader, end - into->rows, err);
        reader->counts.bytes = reader->wire.bytes; /* the first came with the answer to COPY */
        if (s == STATUS_END) {
            reader->drained = true;
            return STATUS_END;
        }
        if (s != STATUS_OK)
            return error_context(err, "reading %s, split %u of %zu", reader->plan->relation,
                                 reader->split->number + 1, reader->plan->n_splits);
        TRY(append_block(reader, into, err));
        if (batch_bytes(into) >= max_bytes)
            break;
        TRY(cancel_check(reader->options.cancel, err));
    }
    return STATUS_OK;
}

const struct reader_counts *postgres_reader_counts(const struct reader *reader)
{
    return &reader->counts;
}

/* ---- opening ---- */

/* The condition of the reader's split, if there are several. */
static status add_range(const struct reader *reader, struct text *sql, struct error *err)
{
    const struct split *split = reader->split;
    struct span range;
    if (split->lower.is_null)
        return STATUS_OK;
    if (strcmp(reader->plan->split_key, "ctid") != 0) {
        size_t number = STATEMENT_PARTS + 1 + (size_t)split->lower.i64;
        if (!statement_part(reader->plan->statement, number, &range))
            return error_set(err, STATUS_BUG, "the plan's statement lacks a range");
        text_append_bytes(sql, (const char *)range.data, range.size);
        return STATUS_OK;
    }
    text_printf(sql, "ctid >= '(%u,0)'", (uint32_t)split->lower.i64);
    if ((uint32_t)split->upper.i64 != UINT32_MAX)
        text_printf(sql, " AND ctid < '(%u,0)'", (uint32_t)split->upper.i64);
    return STATUS_OK;
}

static status make_sql(struct reader *reader, struct text *sql, struct error *err)
{
    const struct read_plan *plan = reader->plan;
    const struct split *split = reader->split;
    struct span select, where, from;
    bool whole = split->lower.is_null;
    bool blocks = !whole && strcmp(plan->split_key, "ctid") == 0;
    size_t part = blocks ? (size_t)((uint64_t)split->lower.i64 >> 32) : 0;
    if (!statement_part(plan->statement, STATEMENT_SELECT, &select) ||
        !statement_part(plan->statement, STATEMENT_WHERE, &where) ||
        !statement_part(plan->statement, STATEMENT_PARTS + part, &from))
        return error_set(err, STATUS_BUG, "the plan's statement lacks a part");
    text_printf(sql, "COPY (%.*s%.*s%.*s", (int)select.size, (const char *)select.data,
                (int)from.size, (const char *)from.data, (int)where.size, (const char *)where.data);
    if (!whole)
        text_append(sql, where.size ? " AND " : " WHERE ");
    TRY(add_range(reader, sql, err));
    text_append(sql, ") TO STDOUT (FORMAT binary)");
    return text_check(sql, err);
}

static status make_slots(struct reader *reader, const struct read_request *request,
                         struct error *err)
{
    const struct schema *schema = &reader->plan->schema;
    struct span forms, utf8;
    if (!statement_part(reader->plan->statement, STATEMENT_FORMS, &forms) ||
        !statement_part(reader->plan->statement, STATEMENT_UTF8, &utf8))
        return error_set(err, STATUS_BUG, "the plan's statement lacks a part");
    bool check = utf8.data[0] == 'c';
    const char *text = (const char *)forms.data;
    reader->slots = mem_zalloc(schema->n_fields * sizeof(*reader->slots));
    reader->policy_counts = mem_zalloc(schema->n_fields * sizeof(uint64_t));
    reader->rejected = mem_zalloc(BLOCK_ROWS);
    if (!reader->slots || !reader->policy_counts || !reader->rejected)
        return error_no_memory(err);
    reader->counts.policy = reader->policy_counts;
    for (size_t i = 0; i < schema->n_fields; i++) {
        reader->n_slots = i + 1;
        TRY(wire_form_read(&text, &schema->fields[i], check, &reader->slots[i].decoder, err));
        const struct column_request *asked =
            column_request_find(request, schema->fields[i].name, strcmp);
        reader->slots[i].policy = asked ? asked->on_error : POLICY_ERROR;
    }
    return STATUS_OK;
}

void postgres_reader_close(struct reader *reader)
{
    if (!reader)
        return;
    if (reader->conn) { /* not drained: it may be broken, its transaction may have failed */
        if (!reader->drained && reader->wire.busy)
            postgres_cancel(reader->conn);
        postgres_reader_disconnect(reader->source, reader->conn, reader->drained);
    }
    wire_release(&reader->wire);
    rows_release(&reader->rows);
    for (size_t i = 0; i < reader->n_slots; i++)
        decoder_release(&reader->slots[i].decoder);
    mem_free(reader->slots);
    mem_free(reader->policy_counts);
    mem_free(reader->rejected);
    mem_free(reader);
}

static void reader_freep(struct reader **reader)
{
    postgres_reader_close(*reader);
}

static status_code still_works(void *context, struct error *err)
{
    const struct reader *reader = context;
    return postgres_reader_silent(reader->source, reader->conn, err);
}

status postgres_reader_open(struct source *source, const struct read_plan *plan,
                            const struct read_request *request, const struct split *split,
                            const struct reader_options *options, struct reader **out,
                            struct error *err)
{
    SCOPED(text_release) struct text sql = {0};
    SCOPED(reader_freep) struct reader *reader = mem_zalloc(sizeof(*reader));
    if (!reader)
        return error_no_memory(err);
    reader->source = source;
    reader->plan = plan;
    reader->split = split;
    reader->options = *options;
    TRY(make_slots(reader, request, err));
    TRY(rows_init(&reader->rows, plan->schema.n_fields, err));
    TRY(make_sql(reader, &sql, err));
    TRY(postgres_reader_connect(source, options->cancel, &reader->conn, err));
    /* max_value_bytes is a third of the memory: a row larger than all of it is not read */
    wire_init(&reader->wire, reader->conn, 3 * options->max_value_bytes);
    reader->wire.silent = still_works;
    reader->wire.silent_context = reader;
    reader->wire.silent_ms = source->connect.network_timeout_s * 1000;
    TRY_IN(wire_copy(&reader->wire, text_string(&sql), options->cancel, err), err,
           "reading %s, split %u of %zu", plan->relation, split->number + 1, plan->n_splits);
    *out = TAKE(reader);
    return STATUS_OK;
}
