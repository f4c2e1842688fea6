/* Rows of one split into batches. */
#include <limits.h>
#include <string.h>

#include "source/reject.h"
#include "source/sqlite/declared_type.h"
#include "source/sqlite/page_rows.h"
#include "source/sqlite/sqlite.h"
#include "source/sqlite/value.h"

enum {
    RESERVE_ROWS = 16384,    /* room is made for so many rows at once */
    CANCEL_ROWS = 4096,      /* the flag is looked at so often */
    PROGRESS_STEPS = 200000, /* and within one step that finds no row */
};

/* What a reader does with one column. */
struct slot {
    append_fn append;
    enum value_policy policy;
    bool nullable;
    append_fn
        typed; /* policy text: the rule of the declared type, to count what breaks it; else NULL */
    struct field field;    /* of `scratch` */
    struct column scratch; /* policy text: where the typed value goes and is dropped */
};

struct reader {
    struct source *source;
    const struct read_plan *plan;
    const struct split *split;
    struct reader_options options;
    sqlite3 *db;
    sqlite3_stmt *statement; /* NULL: rows come from the pages */
    struct page_rows *pages; /* NULL: rows come from the statement */
    bool one_by_one;         /* this piece of the pages' rows has been tried as a whole */
    bool has_text_policy;
    size_t n_fields;
    struct slot *slots;
    size_t *text_columns; /* positions whose size differs from row to row */
    size_t n_text;
    size_t fixed_bytes; /* of one row, text left out */
    uint64_t *policy_counts;
    struct reader_counts counts;
};

/* ---- the row at hand, whoever reads it ---- */

/* OUT is good until the next call. */
static inline status value_at(struct reader *reader, size_t i, struct stored_value *out,
                              struct error *err)
{
    size_t limit = reader->options.max_value_bytes;
    if (reader->pages)
        return page_rows_value(reader->pages, i, limit ? 3 * limit : SIZE_MAX, out, err);
    value_of_sqlite(sqlite3_column_value(reader->statement, (int)i), out);
    return STATUS_OK;
}

/* ---- where a value is: for messages ---- */

/* "rowid 17", or the primary key, or the place in the split. */
static void row_words(struct reader *reader, struct text *out)
{
    if (reader->pages) {
        text_printf(out, "rowid %lld", (long long)page_rows_rowid(reader->pages));
        return;
    }
    int n = sqlite3_column_count(reader->statement);
    int first = (int)reader->n_fields;
    bool rowid = n == first + 1 && strncmp(reader->plan->relation, "table", 5) == 0 &&
                 sqlite3_column_type(reader->statement, first) == SQLITE_INTEGER;
    char shown[VALUE_SHOWN_BYTES];
    if (first == n) {
        text_printf(out, "row %llu of the split", (unsigned long long)reader->counts.rows);
    } else if (rowid) {
        text_printf(out, "rowid %lld", (long long)sqlite3_column_int64(reader->statement, first));
    } else {
        for (int i = first; i < n; i++) {
            struct stored_value value;
            value_of_sqlite(sqlite3_column_value(reader->statement, i), &value);
            text_printf(out, "%s%s", i > first ? ", " : "key ", value_show(&value, shown));
        }
    }
}

static status in_this_split(const struct reader *reader, struct error *err)
{
    return error_context(err, "in %s, split %u of %zu", reader->plan->relation,
                         reader->split->number + 1, reader->plan->n_splits);
}

static status in_this_place(struct reader *reader, size_t column, struct error *err)
{
    SCOPED(text_release) struct text row = {0};
    row_words(reader, &row);
    (void)error_context(err, "in column \"%s\", %s", reader->plan->schema.fields[column].name,
                        text_string(&row));
    return in_this_split(reader, err);
}

static void why_words(const struct reader *reader, size_t column, const struct stored_value *value,
                      struct text *out)
{
    char shown[VALUE_SHOWN_BYTES], type[64];
    if (value->kind == SQLITE_NULL)
        text_append(out, "NULL in a column that is NOT NULL");
    else
        text_printf(out, "value of kind %s does not fit %s", value_show(value, shown),
                    type_text(reader->plan->schema.fields[column].type, type));
}

/* ---- rejected rows ---- */

/* As text, whatever it is; bytes that are no text as 0x and hex digits. */
static status add_value(struct rejected_row *row, const char *name,
                        const struct stored_value *value, struct error *err)
{
    struct field field = {.name = "", .type = {.id = TYPE_UTF8}, .nullable = true};
    struct column column;
    if (value->kind == SQLITE_NULL) {
        rejected_row_value(row, name, NULL, 0);
        return STATUS_OK;
    }
    TRY(column_init(&column, &field, err));
    status_code s = column_reserve(&column, 1, err);
    if (s == STATUS_OK && value_append_any_text(&column, value, err) != FIT_YES)
        s = error_no_memory(err);
    if (s == STATUS_OK)
        rejected_row_value(row, name, column.data.size ? (const char *)column.data.data : "",
                           column.data.size);
    column_release(&column);
    return s;
}

static status reject_row(struct reader *reader, size_t column, const struct stored_value *value,
                         struct error *err)
{
    SCOPED(rejected_row_release) struct rejected_row rejected = {0};
    SCOPED(text_release) struct text which = {0};
    SCOPED(text_release) struct text why = {0};
    const struct field *fields = reader->plan->schema.fields;
    row_words(reader, &which);
    TRY(text_check(&which, err));
    why_words(reader, column, value, &why);
    rejected_row_init(&rejected, reader->plan->relation, text_string(&which), fields[column].name,
                      &why);
    for (size_t i = 0; i < reader->n_fields; i++) {
        struct stored_value each;
        TRY(value_at(reader, i, &each, err));
        TRY(add_value(&rejected, fields[i].name, &each, err));
    }
    reader->counts.rejected++;
    return rejected_row_send(&rejected, &reader->options, err);
}

/* ---- values that do not fit ---- */

/* OK: the column got its value. END: the row is rejected. */
static status apply_policy(struct reader *reader, size_t i, struct column *column,
                           const struct stored_value *value, struct error *err)
{
    struct slot *slot = &reader->slots[i];
    switch (slot->policy) {
    case POLICY_NULL:
        reader->policy_counts[i]++;
        return column_append_null(column, err);
    case POLICY_REJECT:
        TRY(reject_row(reader, i, value, err));
        return STATUS_END;
    case POLICY_TEXT: /* the appender takes everything: only a NULL comes here */
    case POLICY_ERROR:
        break;
    }
    SCOPED(text_release) struct text why = {0};
    why_words(reader, i, value, &why);
    (void)error_set(err, STATUS_BAD_DATA,
                    "%s; correct it, or set columns: {%s: {type: ...}} or {on_error: reject} "
                    "(null, text)",
                    text_string(&why), reader->plan->schema.fields[i].name);
    return in_this_place(reader, i, err);
}

static __attribute__((noinline)) status misfit(struct reader *reader, size_t i,
                                               struct column *column,
                                               const struct stored_value *value, enum fit fit,
                                               struct error *err)
{
    if (fit == FIT_FAILED)
        return in_this_place(reader, i, err);
    if (fit == FIT_NULL && reader->slots[i].nullable)
        return column_append_null(column, err);
    return apply_policy(reader, i, column, value, err);
}

/* Policy text: would the value have fit? */
static status count_text(struct reader *reader, size_t i, const struct stored_value *value,
                         struct error *err)
{
    struct slot *slot = &reader->slots[i];
    column_clear(&slot->scratch);
    TRY(column_reserve(&slot->scratch, 1, err));
    enum fit fit = slot->typed(&slot->scratch, value, err);
    if (fit == FIT_FAILED)
        return in_this_place(reader, i, err);
    if (fit == FIT_NO)
        reader->policy_counts[i]++;
    return STATUS_OK;
}

/* ---- the loop ---- */

/* OK: a row was added. END: it was rejected, nothing of it is left. */
static inline status append_row(struct reader *reader, struct batch *into, struct error *err)
{
    for (size_t i = 0; i < reader->n_fields; i++) {
        struct slot *slot = &reader->slots[i];
        struct stored_value value;
        if (__builtin_expect(value_at(reader, i, &value, err) != STATUS_OK, 0))
            return in_this_place(reader, i, err);
        if (__builtin_expect(slot->typed != NULL, 0))
            TRY(count_text(reader, i, &value, err));
        enum fit fit = slot->append(&into->columns[i], &value, err);
        if (__builtin_expect(fit == FIT_YES, 1))
            continue;
        status_code s = misfit(reader, i, &into->columns[i], &value, fit, err);
        if (__builtin_expect(s == STATUS_OK, 1))
            continue;
        for (size_t done = 0; done < i; done++)
            column_truncate(&into->columns[done], into->rows);
        return s;
    }
    into->rows++;
    return STATUS_OK;
}

static size_t text_bytes(const struct reader *reader, const struct batch *batch)
{
    size_t bytes = 0;
    for (size_t i = 0; i < reader->n_text; i++)
        bytes += batch->columns[reader->text_columns[i]].data.size;
    return bytes;
}

/* A value over the limit is in the row that was appended last: which? */
static __attribute__((noinline)) status check_lengths(struct reader *reader,
                                                      const struct batch *batch, struct error *err)
{
    size_t limit = reader->options.max_value_bytes;
    for (size_t i = 0; i < reader->n_text; i++) {
        size_t column = reader->text_columns[i];
        const int64_t *offsets = column_offsets(&batch->columns[column]);
        size_t size = (size_t)(offsets[batch->rows] - offsets[batch->rows - 1]);
        char is[32], most[32];
        if (size <= limit)
            continue;
        (void)error_set(err, STATUS_BAD_DATA,
                        "a value of %s; the limit is %s, a third of the memory budget (--memory)",
                        text_format_bytes(size, is), text_format_bytes(limit, most));
        return in_this_place(reader, column, err);
    }
    return STATUS_OK;
}

static status stopped(struct reader *reader, int rc, struct error *err)
{
    if ((rc & 0xff) == SQLITE_TOOBIG) {
        char most[32];
        (void)error_set(err, STATUS_BAD_DATA,
                        "a value of more than %s, the memory budget (--memory); the limit is a "
                        "third of it; in the row behind row %llu of the split",
                        text_format_bytes(3 * reader->options.max_value_bytes, most),
                        (unsigned long long)reader->counts.rows);
        return in_this_split(reader, err);
    }
    if ((rc & 0xff) == SQLITE_INTERRUPT)
        TRY(cancel_check(reader->options.cancel, err));
    (void)sqlite_fail(reader->db, rc, err, "cannot read on");
    return in_this_split(reader, err);
}

/* Of the pages: a piece of rows as a whole. OK: it was appended, OUT_ROWS of them. END: no more rows in the split;
 * with *OUT_ROWS 0 the next row is to be read alone. */
static status read_piece(struct reader *reader, struct batch *into, size_t max_rows, size_t room,
                         size_t *out_rows, struct error *err)
{
    struct page_rows *pages = reader->pages;
    *out_rows = 0;
    if (page_rows_left(pages) == 0) {
        TRY(cancel_check(reader->options.cancel, err));
        status_code s = page_rows_piece(pages, max_rows, err);
        if (s != STATUS_OK)
            return s == STATUS_END ? s : in_this_split(reader, err);
        reader->one_by_one = reader->has_text_policy;
    }
    size_t n = page_rows_left(pages);
    size_t bytes = page_rows_bytes(pages);
    size_t limit = reader->options.max_value_bytes;
    if (reader->one_by_one || n > max_rows || bytes + n * reader->fixed_bytes >= room ||
        (limit && bytes > limit))
        return STATUS_OK;
    size_t rows = into->rows;
    enum decoded decoded = page_rows_decode(pages, into, err);
    if (decoded == DECODED) {
        into->rows += n;
        reader->counts.rows += n;
        *out_rows = n;
        return STATUS_OK;
    }
    for (size_t i = 0; i < reader->n_fields; i++)
        column_truncate(&into->columns[i], rows);
    reader->one_by_one = true;
    return decoded == DECODE_FAILED ? in_this_split(reader, err) : STATUS_OK;
}

/* The next row comes to hand. */
static status step(struct reader *reader, struct error *err)
{
    if (reader->pages) {
        if (page_rows_step(reader->pages, err) != STATUS_OK)
            return in_this_split(reader, err);
    } else {
        int rc = sqlite3_step(reader->statement);
        if (__builtin_expect(rc != SQLITE_ROW, 0))
            return rc == SQLITE_DONE ? STATUS_END : stopped(reader, rc, err);
    }
    reader->counts.rows++;
    return STATUS_OK;
}

/* Room for the rows of the next step, many at once. N are there of MAX_ROWS, RESERVED have room. */
static status make_room(struct batch *into, size_t n, size_t max_rows, size_t *reserved,
                        struct error *err)
{
    size_t wanted = max_rows - n < PIECE_ROWS ? max_rows - n : PIECE_ROWS;
    if (__builtin_expect(*reserved - n >= wanted, 1))
        return STATUS_OK;
    size_t more = max_rows - n < RESERVE_ROWS ? max_rows - n : RESERVE_ROWS;
    TRY(batch_reserve(into, more, err));
    *reserved = n + more;
    return STATUS_OK;
}

static status read_rows(struct reader *reader, struct batch *into, size_t max_rows,
                        size_t max_bytes, struct error *err)
{
    size_t reserved = 0;
    size_t fixed = reader->fixed_bytes * into->rows;
    size_t text = text_bytes(reader, into);
    size_t limit = reader->options.max_value_bytes ? reader->options.max_value_bytes : SIZE_MAX;
    for (size_t n = 0; n < max_rows;) {
        if (reader->counts.rows % CANCEL_ROWS == 0)
            TRY(cancel_check(reader->options.cancel, err));
        TRY(make_room(into, n, max_rows, &reserved, err));
        if (reader->pages) {
            size_t rows, room = max_bytes > fixed + text ? max_bytes - fixed - text : 0;
            TRY(read_piece(reader, into, max_rows - n, room, &rows, err));
            n += rows;
            fixed += rows * reader->fixed_bytes;
            if (rows > 0) {
                text = text_bytes(reader, into);
                continue;
            }
        }
        TRY(step(reader, err));
        status_code s = append_row(reader, into, err);
        if (__builtin_expect(s == STATUS_END, 0))
            continue;
        TRY(s);
        n++;
        fixed += reader->fixed_bytes;
        size_t text_before = text;
        text = text_bytes(reader, into);
        if (__builtin_expect(text - text_before > limit, 0))
            TRY(check_lengths(reader, into, err));
        if (fixed + text >= max_bytes)
            break;
    }
    return STATUS_OK;
}

status sqlite_reader_next(struct reader *reader, struct batch *into, size_t max_rows,
                          size_t max_bytes, struct error *err)
{
    struct error spare; /* appenders tell failures through an error */
    size_t rows = into->rows, text = text_bytes(reader, into);
    status_code s = read_rows(reader, into, max_rows, max_bytes, err ? err : &spare);
    reader->counts.bytes += (into->rows - rows) * reader->fixed_bytes;
    reader->counts.bytes += text_bytes(reader, into) - text;
    return s;
}

/* ---- open and close ---- */

static int progress(void *context)
{
    return cancel_reason(context) != CANCEL_NONE;
}

static status make_slot(struct slot *slot, const struct field *field,
                        const struct column_request *asked, struct error *err)
{
    slot->append = value_append_for(field->type);
    slot->policy = asked ? asked->on_error : POLICY_ERROR;
    slot->nullable = field->nullable;
    if (!slot->append)
        return error_set(err, STATUS_BUG, "no rule for the type of column \"%s\"", field->name);
    if (slot->policy != POLICY_TEXT)
        return STATUS_OK;
    slot->field = (struct field){.name = field->name, .nullable = true};
    if (asked->has_type)
        slot->field.type = asked->type;
    else
        (void)sqlite_declared_type(field->source_type, &slot->field.type);
    slot->append = value_append_any_text;
    slot->typed = value_append_for(slot->field.type);
    if (!slot->typed)
        return error_set(err, STATUS_BUG, "no rule for the type of column \"%s\"", field->name);
    return column_init(&slot->scratch, &slot->field, err);
}

static status make_slots(struct reader *reader, const struct read_request *request,
                         struct error *err)
{
    const struct schema *schema = &reader->plan->schema;
    size_t n = schema->n_fields;
    reader->slots = mem_zalloc(n * sizeof(*reader->slots));
    reader->text_columns = mem_zalloc(n * sizeof(*reader->text_columns));
    reader->policy_counts = mem_zalloc(n * sizeof(*reader->policy_counts));
    if (!reader->slots || !reader->text_columns || !reader->policy_counts)
        return error_no_memory(err);
    reader->n_fields = n;
    reader->counts.policy = reader->policy_counts;
    for (size_t i = 0; i < n; i++) {
        const struct field *field = &schema->fields[i];
        TRY(make_slot(&reader->slots[i], field,
                      column_request_find(request, field->name, sqlite3_stricmp), err));
        if (reader->slots[i].policy == POLICY_TEXT)
            reader->has_text_policy = true;
        if (type_is_text_like(field->type)) {
            reader->text_columns[reader->n_text++] = i;
            reader->fixed_bytes += sizeof(int64_t);
        } else {
            reader->fixed_bytes += type_value_bytes(field->type);
        }
    }
    return STATUS_OK;
}

static void bind(sqlite3_stmt *statement, int position, const struct scalar *value)
{
    if (value->type.id == TYPE_UTF8)
        sqlite3_bind_text(statement, position, value->bytes, (int)value->size, SQLITE_TRANSIENT);
    else
        sqlite3_bind_int64(statement, position, value->i64);
}

static status prepare(struct reader *reader, struct error *err)
{
    SCOPED(text_release) struct text sql = {0};
    const struct split *split = reader->split;
    text_append(&sql, reader->plan->statement);
    if (!split->lower.is_null)
        text_printf(&sql, " AND %s >= ?1", reader->plan->split_key);
    if (!split->upper.is_null)
        text_printf(&sql, " AND %s < ?2", reader->plan->split_key);
    TRY(text_check(&sql, err));
    TRY(sqlite_prepare(reader->db, text_string(&sql), &reader->statement, err));
    if (!sqlite3_stmt_readonly(reader->statement))
        return error_set(err, STATUS_BUG, "the statement of a plan would write");
    if (!split->lower.is_null)
        bind(reader->statement, 1, &split->lower);
    if (!split->upper.is_null)
        bind(reader->statement, 2, &split->upper);
    return STATUS_OK;
}

static status open_pages(struct reader *reader, const struct page_plan *plan, struct error *err)
{
    const struct split *split = reader->split;
    SCOPED(mem_freep)
    struct page_field *fields = mem_zalloc(reader->n_fields * sizeof(*fields));
    if (!fields)
        return error_no_memory(err);
    for (size_t i = 0; i < reader->n_fields; i++) {
        fields[i].append = reader->slots[i].append;
        fields[i].nullable = reader->slots[i].nullable;
    }
    return page_rows_open(reader->db, &reader->source->snapshot.pages, plan, &reader->plan->schema,
                          fields, split->lower.is_null ? NULL : &split->lower.i64,
                          split->upper.is_null ? NULL : &split->upper.i64, &reader->pages, err);
}

static void reader_freep(struct reader **reader)
{
    sqlite_reader_close(*reader);
    *reader = NULL;
}

status sqlite_reader_open(struct source *source, const struct read_plan *plan,
                          const struct read_request *request, const struct split *split,
                          const struct reader_options *options, struct reader **out,
                          struct error *err)
{
    SCOPED(reader_freep) struct reader *reader = mem_zalloc(sizeof(*reader));
    if (!reader)
        return error_no_memory(err);
    reader->source = source;
    reader->plan = plan;
    reader->split = split;
    if (options)
        reader->options = *options;
    TRY(make_slots(reader, request, err));
    TRY(snapshot_take(&source->snapshot, reader->options.cancel, &reader->db, err));
    if (reader->options.cancel)
        sqlite3_progress_handler(reader->db, PROGRESS_STEPS, progress, reader->options.cancel);
    /* SQLite loads a value whole before anybody sees its length: what is far over the limit must not get so far */
    size_t limit = reader->options.max_value_bytes;
    sqlite3_limit(reader->db, SQLITE_LIMIT_LENGTH,
                  limit && limit < INT_MAX / 3 ? (int)(3 * limit) : INT_MAX);
    bool pages = plan->driver && !source->snapshot.pages.unusable;
    TRY_IN(pages ? open_pages(reader, plan->driver, err) : prepare(reader, err), err, "in %s",
           plan->relation);
    *out = TAKE(reader);
    return STATUS_OK;
}

const struct reader_counts *sqlite_reader_counts(const struct reader *reader)
{
    return &reader->counts;
}

void sqlite_reader_close(struct reader *reader)
{
    if (!reader)
        return;
    sqlite3_finalize(reader->statement);
    page_rows_close(reader->pages);
    if (reader->db) {
        sqlite3_progress_handler(reader->db, 0, NULL, NULL);
        snapshot_give_back(&reader->source->snapshot, reader->db);
    }
    for (size_t i = 0; reader->slots && i < reader->plan->schema.n_fields; i++)
        column_release(&reader->slots[i].scratch);
    mem_free(reader->slots);
    mem_free(reader->text_columns);
    mem_free(reader->policy_counts);
    mem_free(reader);
}
