#include "source/sqlite/key.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "source/sqlite/declared_type.h"
#include "source/sqlite/value.h"

static const int64_t US_PER_SECOND = 1000000;
static const int64_t US_PER_DAY = INT64_C(86400) * 1000000;

enum { KEY_TEXT_BYTES = 48 };

/* What an examination works on. */
struct examination {
    sqlite3 *db;
    const struct sqlite_table *table;
    const struct read_request *request;
    struct type type;
    struct sqlite_key *key;
    struct key_form form; /* of the values seen so far */
    bool has_form;
};

/* What a scan of key values found. */
struct found {
    uint64_t nulls, wrong, other_form;
    char wrong_example[VALUE_SHOWN_BYTES];
    char form_example[VALUE_SHOWN_BYTES];
    struct scalar greatest; /* is_null: none */
};

/* ---- one value ---- */

static bool integer_fits(struct type type, int64_t number)
{
    switch (type.id) {
    case TYPE_INT8:
        return number == (int8_t)number;
    case TYPE_INT16:
        return number == (int16_t)number;
    case TYPE_INT32:
        return number == (int32_t)number;
    default:
        return true;
    }
}

static struct key_form form_of(const char *text, size_t size)
{
    struct key_form form = {.separator = text[10]};
    for (size_t i = 16; i < size; i++) {
        if (text[i] == 'Z' || text[i] == '+' || text[i] == '-') {
            memcpy(form.suffix, text + i, size - i < 7 ? size - i : 7);
            form.size = (uint8_t)size;
            break;
        }
    }
    return form;
}

static bool same_form(const struct key_form *a, const struct key_form *b)
{
    return a->separator == b->separator && a->size == b->size && strcmp(a->suffix, b->suffix) == 0;
}

/* The key VALUE; false: not of the type. OUT_FORM is set for timestamps. */
static bool key_value(struct type type, sqlite3_value *value, int64_t *out,
                      struct key_form *out_form)
{
    int kind = sqlite3_value_type(value);
    *out_form = (struct key_form){0};
    if (type.id != TYPE_DATE && type.id != TYPE_TIMESTAMP) {
        *out = sqlite3_value_int64(value);
        return kind == SQLITE_INTEGER && integer_fits(type, *out);
    }
    if (kind != SQLITE_TEXT)
        return false;
    const char *text = (const char *)sqlite3_value_text(value);
    size_t size = (size_t)sqlite3_value_bytes(value);
    if (type.id == TYPE_DATE) {
        int32_t days = 0;
        bool fits = parse_date(text, size, &days);
        *out = days;
        return fits;
    }
    bool zoned;
    if (size >= KEY_TEXT_BYTES || !parse_timestamp(text, size, out, &zoned) || zoned != type.utc)
        return false;
    *out_form = form_of(text, size);
    return true;
}

static void show(sqlite3_value *value, char out[VALUE_SHOWN_BYTES])
{
    struct stored_value stored;
    value_of_sqlite(value, &stored);
    (void)value_show(&stored, out);
}

static void look_at(struct examination *e, sqlite3_value *value, struct found *found)
{
    int64_t number;
    struct key_form form;
    if (sqlite3_value_type(value) == SQLITE_NULL) {
        found->nulls++;
        return;
    }
    if (!key_value(e->type, value, &number, &form)) {
        if (found->wrong++ == 0)
            show(value, found->wrong_example);
        return;
    }
    if (!e->has_form) {
        e->form = form;
        e->has_form = true;
    } else if (!same_form(&e->form, &form) && found->other_form++ == 0) {
        show(value, found->form_example);
    }
    if (found->greatest.is_null || number > found->greatest.i64)
        found->greatest = (struct scalar){.type = e->type, .i64 = number};
}

/* ---- statements over the key ---- */

/* SELECT <what> FROM t [INDEXED BY i] WHERE <condition> [AND (where)] <rest> */
static status key_statement(const struct examination *e, const char *what, bool by_index,
                            const char *condition, const char *rest, sqlite3_stmt **out,
                            struct error *err)
{
    SCOPED(text_release) struct text sql = {0};
    text_printf(&sql, "SELECT %s FROM %s", what, e->table->from);
    if (by_index && e->key->index) {
        text_append(&sql, " INDEXED BY ");
        sqlite_quote(&sql, e->key->index);
    }
    text_printf(&sql, " WHERE %s", condition);
    if (e->request->where)
        text_printf(&sql, " AND (\n%s\n)", e->request->where);
    text_printf(&sql, " %s", rest);
    TRY(text_check(&sql, err));
    return sqlite_prepare(e->db, text_string(&sql), out, err);
}

static status scan(struct examination *e, const char *condition, struct found *found,
                   struct error *err)
{
    SCOPED(sqlite_finalizep) sqlite3_stmt *statement = NULL;
    TRY(key_statement(e, e->key->sql, true, condition, "", &statement, err));
    for (;;) {
        status_code s = sqlite_step(statement, err);
        if (s == STATUS_END)
            return STATUS_OK;
        TRY(s);
        look_at(e, sqlite3_column_value(statement, 0), found);
    }
}

/* One end of the index. */
static status look_at_end(struct examination *e, bool greatest, struct found *found,
                          struct error *err)
{
    SCOPED(sqlite_finalizep) sqlite3_stmt *statement = NULL;
    char condition[512], order[512];
    snprintf(condition, sizeof(condition), "%.400s IS NOT NULL", e->key->sql);
    snprintf(order, sizeof(order), "ORDER BY %.400s %s LIMIT 1", e->key->sql,
             greatest ? "DESC" : "ASC");
    TRY(key_statement(e, e->key->sql, true, condition, order, &statement, err));
    status_code s = sqlite_step(statement, err);
    if (s == STATUS_OK)
        look_at(e, sqlite3_column_value(statement, 0), found);
    return s == STATUS_END ? STATUS_OK : s;
}

static status count_nulls(struct examination *e, uint64_t *out, struct error *err)
{
    SCOPED(sqlite_finalizep) sqlite3_stmt *statement = NULL;
    char condition[512];
    snprintf(condition, sizeof(condition), "%.400s IS NULL", e->key->sql);
    TRY(key_statement(e, "count(*)", true, condition, "", &statement, err));
    TRY(sqlite_step(statement, err));
    *out = (uint64_t)sqlite3_column_int64(statement, 0);
    return STATUS_OK;
}

/* ---- verdicts ---- */

static status judge(const struct examination *e, const struct found *found, struct error *err)
{
    char count[32], type[64];
    const char *name = e->table->columns[e->key->column].name;
    if (found->wrong)
        return error_set(
            err, STATUS_BAD_DATA,
            "update_key \"%s\" holds %s values that are not %s, for example %s; such a "
            "value can't become the watermark: correct them, or leave them out with "
            "where",
            name, text_format_count(found->wrong, count), type_text(e->type, type),
            found->wrong_example);
    if (found->other_form)
        return error_set(
            err, STATUS_BAD_DATA,
            "update_key \"%s\" is written in more than one form: %s values differ from "
            "the others, for example %s; SQLite compares text byte by byte, so the "
            "largest is not the latest: write all in one form",
            name, text_format_count(found->other_form, count), found->form_example);
    if (found->nulls && !e->request->nulls_ok)
        return error_set(
            err, STATUS_BAD_DATA,
            "update_key \"%s\" is NULL in %s rows, which no later run would find; fill "
            "it, or allow them (on_null_key: include)",
            name, text_format_count(found->nulls, count));
    return STATUS_OK;
}

/* ---- the lower bound as text ---- */

static int64_t suffix_us(const char *suffix)
{
    if (suffix[0] != '+' && suffix[0] != '-')
        return 0;
    int hours = 0, minutes = 0;
    sscanf(suffix + 1, "%2d:%2d", &hours, &minutes);
    int64_t us = (hours * INT64_C(3600) + minutes * 60) * US_PER_SECOND;
    return suffix[0] == '-' ? -us : us;
}

/* The smallest text that a value at US can have in FORM: without a zone the shortest, since a longer text
 * compares above its own beginning; with one every value has the same size. */
static void timestamp_text(int64_t us, const struct key_form *form, char out[KEY_TEXT_BYTES])
{
    us += suffix_us(form->suffix);
    int64_t days = us / US_PER_DAY - (us % US_PER_DAY < 0);
    int64_t rest = us - days * US_PER_DAY;
    int32_t year, month, day;
    civil_from_days((int32_t)days, &year, &month, &day);
    int seconds = (int)(rest / US_PER_SECOND);
    int n = snprintf(out, KEY_TEXT_BYTES, "%04d-%02d-%02d%c%02d:%02d:%02d.%06d", year, month, day,
                     form->separator ? form->separator : ' ', seconds / 3600, seconds / 60 % 60,
                     seconds % 60, (int)(rest % US_PER_SECOND));
    size_t size = (size_t)n;
    if (form->size) {
        size_t wanted = form->size - strlen(form->suffix); /* 16, 19, or 20 + digits */
        while (size < wanted)
            out[size++] = '0';
        size = wanted;
    } else {
        while (out[size - 1] == '0' && size > 20)
            size--;
        size = size == 20 ? 19 : size;
        if (size == 19 && memcmp(out + 16, ":00", 3) == 0)
            size = 16;
    }
    memcpy(out + size, form->suffix, strlen(form->suffix) + 1);
}

static void lower_text(const struct examination *e, char out[KEY_TEXT_BYTES])
{
    const struct scalar *lower = e->request->lower;
    if (e->type.id == TYPE_TIMESTAMP) {
        timestamp_text(lower->i64, &e->form, out);
    } else if (e->type.id == TYPE_DATE) {
        int32_t year, month, day;
        civil_from_days((int32_t)lower->i64, &year, &month, &day);
        snprintf(out, KEY_TEXT_BYTES, "%04d-%02d-%02d", year, month, day);
    } else {
        snprintf(out, KEY_TEXT_BYTES, "%lld", (long long)lower->i64);
    }
}

static status make_filter(const struct examination *e, struct arena *arena, struct error *err)
{
    char text[KEY_TEXT_BYTES];
    bool quoted = e->type.id == TYPE_DATE || e->type.id == TYPE_TIMESTAMP;
    if (!e->request->lower)
        return STATUS_OK;
    lower_text(e, text);
    e->key->filter = arena_printf(arena, "%s >= %s%s%s", e->key->sql, quoted ? "'" : "", text,
                                  quoted ? "'" : "");
    return e->key->filter ? STATUS_OK : error_no_memory(err);
}

/* ---- the three ways ---- */

static status examine_rowid(struct examination *e, struct found *found, struct error *err)
{
    SCOPED(sqlite_finalizep) sqlite3_stmt *statement = NULL;
    SCOPED(text_release) struct text order = {0};
    text_printf(&order, "ORDER BY %s DESC LIMIT 1", e->key->sql);
    TRY(text_check(&order, err));
    TRY(key_statement(e, e->key->sql, false, "1", text_string(&order), &statement, err));
    status_code s = sqlite_step(statement, err);
    if (s == STATUS_OK)
        look_at(e, sqlite3_column_value(statement, 0), found);
    return s == STATUS_END ? STATUS_OK : s;
}

/* Forms of the key from the day of the lower bound on: another form of that day sorts above the bare day. */
static status scan_forms(struct examination *e, struct found *found, struct error *err)
{
    char condition[600], lower[KEY_TEXT_BYTES];
    if (e->request->lower) {
        lower_text(e, lower);
        snprintf(condition, sizeof(condition), "%.400s >= '%.10s'", e->key->sql, lower);
    } else {
        snprintf(condition, sizeof(condition), "%.400s IS NOT NULL", e->key->sql);
    }
    return scan(e, condition, found, err);
}

static status examine_by_index(struct examination *e, struct found *found, struct error *err)
{
    TRY(look_at_end(e, true, found,
                    err)); /* the greatest first: its form is the one to render in */
    TRY(look_at_end(e, false, found, err));
    TRY(count_nulls(e, &found->nulls, err));
    if (found->wrong) { /* now count them all */
        uint64_t nulls = found->nulls;
        *found = (struct found){.greatest = {.is_null = true}};
        TRY(scan(e, "1", found, err));
        found->nulls = nulls;
        return STATUS_OK;
    }
    if (e->type.id != TYPE_TIMESTAMP || found->greatest.is_null)
        return STATUS_OK;
    found->other_form = 0; /* the scan counts it again */
    return scan_forms(e, found, err);
}

static status prepare_key(struct examination *e, size_t column, struct arena *arena,
                          struct error *err)
{
    SCOPED(text_release) struct text quoted = {0};
    const char *name = e->table->columns[column].name;
    char text[64];
    *e->key = (struct sqlite_key){.column = column, .is_rowid = e->table->rowid_column == column};
    if (!sqlite_usable_key(e->type))
        return error_set(err, STATUS_BAD_CONFIG,
                         "update_key \"%s\" is %s; expected an integer, a date or a timestamp",
                         name, type_text(e->type, text));
    sqlite_quote(&quoted, name);
    if (quoted.size > 400)
        return error_set(err, STATUS_BAD_CONFIG, "update_key: a name of more than 400 bytes");
    TRY(sqlite_keep(&quoted, arena, &e->key->sql, err));
    return sqlite_table_index(e->db, e->table, column, arena, &e->key->index, err);
}

status sqlite_key_examine(sqlite3 *db, const struct sqlite_table *table,
                          const struct read_request *request, size_t column, struct type type,
                          struct arena *arena, struct sqlite_key *out, struct error *err)
{
    struct sqlite_key key;
    struct examination e = {
        .db = db, .table = table, .request = request, .type = type, .key = &key};
    struct found found = {.greatest = {.is_null = true, .type = type}};
    TRY(prepare_key(&e, column, arena, err));
    if (key.is_rowid)
        TRY(examine_rowid(&e, &found, err));
    else if (key.index)
        TRY(examine_by_index(&e, &found, err));
    else
        TRY(scan(&e, "1", &found, err));
    TRY_IN(judge(&e, &found, err), err, "in %s", table->label);
    TRY(make_filter(&e, arena, err));
    key.bound = found.greatest;
    key.bound.type = type;
    /* Rows at the old watermark are gone: it does not go back (invariant 4). */
    if (request->lower && !key.bound.is_null && key.bound.i64 < request->lower->i64)
        key.bound.is_null = true;
    *out = key;
    return STATUS_OK;
}

status sqlite_key_newest(sqlite3 *db, const struct sqlite_table *table,
                         const struct read_request *request, size_t column, struct type type,
                         struct arena *arena, struct scalar *out, struct error *err)
{
    struct sqlite_key key;
    struct found found = {.greatest = {.is_null = true, .type = type}};
    struct examination e = {
        .db = db, .table = table, .request = request, .type = type, .key = &key};
    TRY(prepare_key(&e, column, arena, err));
    if (key.is_rowid)
        TRY(examine_rowid(&e, &found, err));
    else if (key.index)
        TRY(look_at_end(&e, true, &found, err));
    else
        TRY(scan(&e, "1", &found, err));
    *out = found.greatest;
    return STATUS_OK;
}
