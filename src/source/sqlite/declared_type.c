#include "source/sqlite/declared_type.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

enum { NAME_BYTES = 64 };

struct known {
    const char *name;
    enum type_id id;
    bool utc;
};

/* Sorted by kind, not by name: this is the rule, to be read. Parameters in parentheses are dropped before
 * the search (TIMESTAMP(6) WITH TIME ZONE); only decimals use them. */
static const struct known names[] = {
    {"INTEGER", TYPE_INT64},
    {"INT", TYPE_INT64},
    {"BIGINT", TYPE_INT64},
    {"SMALLINT", TYPE_INT64},
    {"TINYINT", TYPE_INT64},
    {"MEDIUMINT", TYPE_INT64},
    {"INT2", TYPE_INT64},
    {"INT4", TYPE_INT64},
    {"INT8", TYPE_INT64},
    {"LONG", TYPE_INT64},
    {"SERIAL", TYPE_INT64},
    {"BIGSERIAL", TYPE_INT64},
    {"UNSIGNED BIG INT", TYPE_INT64},
    {"INT UNSIGNED", TYPE_INT64},
    {"INTEGER UNSIGNED", TYPE_INT64},
    {"BIGINT UNSIGNED", TYPE_INT64},
    {"BOOLEAN", TYPE_BOOL},
    {"BOOL", TYPE_BOOL},
    {"REAL", TYPE_FLOAT64},
    {"FLOAT", TYPE_FLOAT64},
    {"FLOAT4", TYPE_FLOAT64},
    {"FLOAT8", TYPE_FLOAT64},
    {"DOUBLE", TYPE_FLOAT64},
    {"DOUBLE PRECISION", TYPE_FLOAT64},
    {"DECIMAL", TYPE_DECIMAL},
    {"NUMERIC", TYPE_DECIMAL},
    {"NUMBER", TYPE_DECIMAL},
    {"DEC", TYPE_DECIMAL},
    {"TEXT", TYPE_UTF8},
    {"CHAR", TYPE_UTF8},
    {"NCHAR", TYPE_UTF8},
    {"CHARACTER", TYPE_UTF8},
    {"NATIVE CHARACTER", TYPE_UTF8},
    {"VARCHAR", TYPE_UTF8},
    {"VARCHAR2", TYPE_UTF8},
    {"NVARCHAR", TYPE_UTF8},
    {"CHARACTER VARYING", TYPE_UTF8},
    {"VARYING CHARACTER", TYPE_UTF8},
    {"CLOB", TYPE_UTF8},
    {"STRING", TYPE_UTF8},
    {"TINYTEXT", TYPE_UTF8},
    {"MEDIUMTEXT", TYPE_UTF8},
    {"LONGTEXT", TYPE_UTF8},
    {"BLOB", TYPE_BINARY},
    {"BINARY", TYPE_BINARY},
    {"VARBINARY", TYPE_BINARY},
    {"BYTEA", TYPE_BINARY},
    {"TINYBLOB", TYPE_BINARY},
    {"MEDIUMBLOB", TYPE_BINARY},
    {"LONGBLOB", TYPE_BINARY},
    {"DATE", TYPE_DATE},
    {"TIME", TYPE_TIME},
    {"TIME WITHOUT TIME ZONE", TYPE_TIME},
    {"DATETIME", TYPE_TIMESTAMP},
    {"TIMESTAMP", TYPE_TIMESTAMP},
    {"TIMESTAMP WITHOUT TIME ZONE", TYPE_TIMESTAMP},
    {"TIMESTAMPTZ", TYPE_TIMESTAMP, true},
    {"TIMESTAMP WITH TIME ZONE", TYPE_TIMESTAMP, true},
    {"DATETIMEOFFSET", TYPE_TIMESTAMP, true},
    {"UUID", TYPE_UUID},
    {"GUID", TYPE_UUID},
    {"JSON", TYPE_JSON},
    {"JSONB", TYPE_JSON},
};

/* Upper case, one space between words, no parentheses. False: longer than any name in the table. */
static bool normalise(const char *declared, char out[NAME_BYTES])
{
    size_t n = 0;
    int depth = 0;
    bool space = false;
    for (const char *c = declared; *c; c++) {
        if (*c == '(' || *c == ')') {
            depth += *c == '(' ? 1 : -1;
            space = true;
            continue;
        }
        if (depth > 0)
            continue;
        if (isspace((unsigned char)*c)) {
            space = true;
            continue;
        }
        if (n + 2 >= NAME_BYTES)
            return false;
        if (space && n > 0)
            out[n++] = ' ';
        space = false;
        out[n++] = (char)toupper((unsigned char)*c);
    }
    out[n] = '\0';
    return true;
}

/* A small number at *P, white space around it; *P moves behind. -1: none. */
static int32_t parameter(const char **p)
{
    while (isspace((unsigned char)**p))
        (*p)++;
    if (!isdigit((unsigned char)**p))
        return -1;
    int32_t value = 0;
    for (; isdigit((unsigned char)**p); (*p)++)
        value = value > 1000 ? value : value * 10 + (**p - '0');
    while (isspace((unsigned char)**p))
        (*p)++;
    return value;
}

/* (p), (p,s); none: float64, because SQLite keeps such values as INTEGER or REAL. */
static bool decimal_type(const char *declared, struct type *out)
{
    const char *p = strchr(declared, '(');
    if (!p) {
        *out = (struct type){.id = TYPE_FLOAT64};
        return true;
    }
    p++;
    int32_t precision = parameter(&p);
    int32_t scale = 0;
    if (*p == ',') {
        p++;
        scale = parameter(&p);
    }
    if (*p != ')' || precision < 1 || precision > DECIMAL_MAX_PRECISION || scale < 0 ||
        scale > precision)
        return false;
    *out = (struct type){.id = TYPE_DECIMAL, .precision = precision, .scale = scale};
    return true;
}

bool sqlite_declared_type(const char *declared, struct type *out)
{
    char name[NAME_BYTES];
    *out = (struct type){.id = TYPE_UTF8};
    if (!declared || !normalise(declared, name))
        return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i].name, name) != 0)
            continue;
        if (names[i].id == TYPE_DECIMAL)
            return decimal_type(declared, out);
        *out = (struct type){.id = names[i].id, .utc = names[i].utc};
        return true;
    }
    return false;
}

bool sqlite_usable_key(struct type type)
{
    return (type.id >= TYPE_INT8 && type.id <= TYPE_INT64) || type.id == TYPE_DATE ||
           type.id == TYPE_TIMESTAMP;
}
