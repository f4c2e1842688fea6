/* Names below _leat/, and the name of a stream's writer. */
#include <string.h>

#include "base/text.h"
#include "commit/delta/delta.h"

char *delta_folder(const char *stream)
{
    struct text text = {0};
    text_append(&text, "_leat/");
    for (const char *at = stream; *at; at++) {
        unsigned char c = (unsigned char)*at;
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     c == '-' || ((c == '_' || c == '.') && at > stream);
        /* staging/ is where runs keep what is unfinished */
        if (at == stream && strcmp(stream, "staging") == 0)
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
