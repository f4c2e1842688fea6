/* The digits of all values, in one look at the table. What was found once is in the table's contract, and stays: another
 * look on another day would give another type. Values that do not fit it then follow the column's policy. */
#include "source/postgres/numeric_scan.h"

#include <string.h>

/* Digits before the point may grow threefold before a type of 64 bits is too small. */
enum { PRECISION_64 = 18, ROOM_64 = 3, PRECISION_128 = 38 };

struct digits {
    int64_t before, behind; /* the point */
    bool any, other;        /* a number; NaN or an infinity */
};

static bool is_wanted(const struct read_request *request, const struct postgres_column *column)
{
    const struct column_request *asked = column_request_find(request, column->name, strcmp);
    bool free = column->wire.form == WIRE_NUMERIC && column->wire.type.id == TYPE_UTF8;
    return free && !(asked && (asked->has_type || asked->on_error == POLICY_TEXT));
}

/* ---- from the contract ---- */

static const struct field *in_contract(const struct read_request *request,
                                       const struct postgres_table *table,
                                       const struct postgres_column *column)
{
    char id[48];
    const struct schema *contract = request->contract;
    snprintf(id, sizeof(id), "%u.%d", table->oid, column->attnum);
    for (size_t i = 0; contract && i < contract->n_fields; i++) {
        const struct field *field = &contract->fields[i];
        bool known = column->attnum > 0 && field->source_id;
        if (known ? strcmp(field->source_id, id) == 0 : strcmp(field->name, column->name) == 0)
            return field;
    }
    return NULL;
}

/* False: the contract does not know the column. */
static bool take_from_contract(const struct read_request *request,
                               const struct postgres_table *table, struct postgres_column *column)
{
    const struct field *field = in_contract(request, table, column);
    if (!field)
        return false;
    if (field->type.id == TYPE_DECIMAL)
        column->wire.type = field->type;
    column->wire.why = field->type.id == TYPE_DECIMAL
                           ? "numeric without precision: of the type that the table has"
                           : "numeric without precision: text, as the table has it";
    return true;
}

/* ---- by a look at the values ---- */

static void append_question(struct text *sql, const char *name)
{
    SCOPED(text_release) struct text column = {0};
    postgres_quote(&column, name);
    const char *c = text_string(&column);
    /* NaN and the infinities have no scale */
    text_printf(sql,
                "%slength((max(abs(trunc(%s))) FILTER (WHERE scale(%s) IS NOT NULL))::text),"
                " max(scale(%s)), count(%s) > count(scale(%s))",
                sql->size ? ", " : "", c, c, c, c, c);
}

static bool policy_takes_others(const struct read_request *request, const char *name)
{
    const struct column_request *asked = column_request_find(request, name, strcmp);
    return asked && (asked->on_error == POLICY_NULL || asked->on_error == POLICY_REJECT);
}

static struct type type_for(const struct digits *digits)
{
    struct type text = {.id = TYPE_UTF8};
    int64_t precision = digits->before + digits->behind;
    if (!digits->any || precision > DECIMAL_MAX_PRECISION)
        return text;
    if (precision + ROOM_64 <= PRECISION_64)
        precision = PRECISION_64;
    else if (precision <= PRECISION_128)
        precision = PRECISION_128;
    return (struct type){
        .id = TYPE_DECIMAL, .precision = (int32_t)precision, .scale = (int32_t)digits->behind};
}

static status choose(const struct read_request *request, struct postgres_column *column,
                     const struct digits *digits, struct arena *arena, struct error *err)
{
    char name[64];
    struct type type = type_for(digits);
    if (digits->other && !policy_takes_others(request, column->name))
        type = (struct type){.id = TYPE_UTF8};
    if (type.id == TYPE_DECIMAL)
        column->wire.why = arena_printf(
            arena,
            "numeric without precision: its values have at most %d digits before and %d "
            "behind the point, so it is %s",
            (int)digits->before, (int)digits->behind, type_text(type, name));
    else
        column->wire.why = digits->other ? "numeric without precision: text, as it holds NaN or an "
                                           "infinity (on_error: null or reject makes it a number)"
                           : digits->any
                               ? "numeric without precision: text, as it holds more digits "
                                 "than a decimal"
                               : "numeric without precision: text, as it holds no value";
    column->wire.type = type;
    return column->wire.why ? STATUS_OK : error_no_memory(err);
}

static status look(PGconn *conn, const struct read_request *request,
                   const struct postgres_table *table, const struct text *questions, PGresult **out,
                   struct error *err)
{
    SCOPED(text_release) struct text sql = {0};
    TRY(text_check(questions, err));
    text_printf(&sql, "SELECT %s FROM %s", text_string(questions), table->from);
    if (request->where)
        text_printf(&sql, " WHERE (\n%s\n)", request->where);
    TRY(text_check(&sql, err));
    TRY_IN(postgres_query(conn, text_string(&sql), out, err), err, "looking at the numerics of %s",
           table->label);
    return STATUS_OK;
}

status numeric_scan(PGconn *conn, const struct read_request *request, struct postgres_table *table,
                    const size_t *picked, size_t n, struct arena *arena, struct error *err)
{
    SCOPED(postgres_clearp) PGresult *result = NULL;
    SCOPED(text_release) struct text questions = {0};
    size_t *asked = arena_alloc(arena, n * sizeof(*asked) + 1), n_asked = 0;
    if (!asked)
        return error_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        struct postgres_column *column = &table->columns[picked[i]];
        if (!is_wanted(request, column) || take_from_contract(request, table, column))
            continue;
        append_question(&questions, column->name);
        asked[n_asked++] = picked[i];
    }
    if (n_asked == 0)
        return STATUS_OK;
    TRY(look(conn, request, table, &questions, &result, err));
    for (size_t i = 0; i < n_asked; i++) {
        int first = 3 * (int)i;
        struct digits digits = {
            .before = postgres_cell_number(result, 0, first),
            .behind = postgres_cell_number(result, 0, first + 1),
            .any = !libpq.PQgetisnull(result, 0, first),
            .other = libpq.PQgetvalue(result, 0, first + 2)[0] == 't',
        };
        TRY(choose(request, &table->columns[asked[i]], &digits, arena, err));
    }
    return STATUS_OK;
}
