/* What every reader of a plan needs, as one string of the plan (read_plan.statement): parts, each as its length in
 * decimal, a colon, and its bytes. */
#ifndef LEAT_SOURCE_POSTGRES_STATEMENT_H
#define LEAT_SOURCE_POSTGRES_STATEMENT_H

#include "source/postgres/table.h"

enum statement_part {
    STATEMENT_FORMS,  /* how the columns come: wire_form_write of each */
    STATEMENT_UTF8,   /* "server" or "check": who vouches for text */
    STATEMENT_SELECT, /* SELECT ... FROM */
    STATEMENT_WHERE,  /* " WHERE ..." or nothing */
    STATEMENT_PARTS, /* from here on: the relations; a split's bounds name one of them. By ranges of a key: one
                         relation, then the condition of each range, which the bounds number */
};

void statement_add(struct text *statement, const char *part);
/* Part NUMBER of STATEMENT. False: it has none such. */
bool statement_part(const char *statement, size_t number, struct span *out);

/* A letter for each form, its children in parentheses. */
void wire_form_write(const struct wire_type *type, struct text *out);
/* A decoder for FIELD from what wire_form_write wrote; *IO_TEXT moves behind it. */
status wire_form_read(const char **io_text, const struct field *field, bool check_utf8,
                      struct decoder *out, struct error *err);

/* Bounds of a split by ctid: the relation and a block in one number. */
static inline int64_t block_key(size_t part, uint64_t block)
{
    return (int64_t)((uint64_t)part << 32 | block);
}

#endif
