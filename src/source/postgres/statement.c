#include "source/postgres/statement.h"

#include <stdlib.h>
#include <string.h>

void statement_add(struct text *statement, const char *part)
{
    text_printf(statement, "%zu:", strlen(part));
    text_append(statement, part);
}

bool statement_part(const char *statement, size_t number, struct span *out)
{
    for (size_t i = 0; *statement; i++) {
        char *colon;
        size_t size = strtoul(statement, &colon, 10);
        if (*colon != ':' || strlen(colon + 1) < size)
            return false;
        if (i == number) {
            *out = (struct span){(const uint8_t *)colon + 1, size};
            return true;
        }
        statement = colon + 1 + size;
    }
    return false;
}

void wire_form_write(const struct wire_type *type, struct text *out)
{
    text_append_char(out, (char)('A' + type->form));
    if (type->n_children == 0)
        return;
    text_append_char(out, '(');
    for (size_t i = 0; i < type->n_children; i++)
        wire_form_write(&type->children[i], out);
    text_append_char(out, ')');
}

static status not_a_form(struct error *err)
{
    return error_set(err, STATUS_BUG,
                     "the plan's statement does not name the forms of its columns");
}

status wire_form_read(const char **io_text, const struct field *field, bool check_utf8,
                      struct decoder *out, struct error *err)
{
    int form = **io_text - 'A';
    if (form < 0 || form > WIRE_RECORD || !decoder_init(out, (enum wire_form)form, field->type))
        return not_a_form(err);
    ++*io_text;
    out->check_utf8 = check_utf8 && form != WIRE_BYTEA;
    if (**io_text != '(')
        return field->n_children == 0 ? STATUS_OK : not_a_form(err);
    ++*io_text;
    out->children = mem_zalloc(field->n_children * sizeof(*out->children) + 1);
    if (!out->children)
        return error_no_memory(err);
    for (size_t i = 0; i < field->n_children; i++) {
        out->n_children = i + 1;
        TRY(wire_form_read(io_text, &field->children[i], check_utf8, &out->children[i], err));
    }
    if (**io_text != ')')
        return not_a_form(err);
    ++*io_text;
    return STATUS_OK;
}
