/* Names below _leat/, and the name of a stream's writer. */
#include <string.h>

#include "base/text.h"
#include "commit/delta/delta.h"

/* What runs keep below _leat/ besides records. */
static bool is_taken(const char *name)
{
    static const char *const taken[] = {"staging", "rejects", "lock"};
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        if (strcmp(name, taken[i]) == 0)
            return true;
    return false;
}

char *delta_folder(const char *stream)
{
    struct text text = {0};
    text_append(&text, "_leat/");
    for (const char *at = stream; *at; at++) {
        unsigned char c = (unsigned char)*at;
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     c == '-' || ((c == '_' || c == '.') && at > stream);
        if (at == stream && is_taken(stream))
            plain = false;
        if (plain)
            text_append_char(&text, (char)c);
        else
            text_printf(&text, "%%%02X", c);
    }
    return text_take(&text);
}

char *delta_record_name(const char *folder, int64_t number)
{
    return mem_printf("%s/%lld.json", folder, (long long)number);
}

char *delta_app_id(const char *table_id, const char *stream)
{
    return mem_printf("leat:%s:%s", table_id, stream);
}
