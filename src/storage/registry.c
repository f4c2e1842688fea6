/* The storages there are, and which of them a URL means. */
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "storage/local/driver.h"
#include "storage/storage.h"

const struct storage_driver *const storage_drivers[] = {
    &storage_local,
    NULL,
};

static bool serves(const struct storage_driver *driver, const char *scheme, size_t size)
{
    for (const char *const *known = driver->schemes; *known; known++)
        if (strlen(*known) == size && memcmp(*known, scheme, size) == 0)
            return true;
    return false;
}

static status no_such_scheme(const char *scheme, size_t size, struct error *err)
{
    struct text known = {0};
    for (const struct storage_driver *const *driver = storage_drivers; *driver; driver++)
        for (const char *const *name = (*driver)->schemes; *name; name++)
            text_printf(&known, "%s%s://", known.size ? ", " : "", *name);
    status s =
        error_set(err, STATUS_BAD_CONFIG, "no storage serves %.*s://; known: %s and plain paths",
                  (int)size, scheme, text_string(&known));
    text_release(&known);
    return s;
}

/* What stands behind file://: an empty host or localhost, then a path in which %XX is a byte. */
static status path_of_url(const char *rest, struct text *out, struct error *err)
{
    if (text_starts_with(rest, "localhost/"))
        rest += strlen("localhost");
    if (*rest != '/')
        return error_set(err, STATUS_BAD_CONFIG,
                         "file://%s names a host; for an absolute path write file:///..., for a "
                         "relative one the path alone",
                         rest);
    for (; *rest; rest++) {
        uint8_t byte;
        if (*rest != '%') {
            text_append_char(out, *rest);
        } else if (bytes_from_hex(rest + 1, 2, &byte) && byte != 0) {
            text_append_char(out, (char)byte);
            rest += 2;
        } else {
            return error_set(err, STATUS_BAD_CONFIG,
                             "%%%.2s in file://... is no byte; write a percent sign as %%25",
                             rest + 1);
        }
    }
    return text_check(out, err);
}

static status open_file_url(const char *rest, const struct option_values *options, bool create,
                            struct storage **out, struct error *err)
{
    struct text path = {0};
    status s = path_of_url(rest, &path, err);
    if (s == STATUS_OK)
        s = storage_local.open(text_string(&path), options, create, out, err);
    text_release(&path);
    return s;
}

status storage_open(const char *url, const struct option_values *options, bool create,
                    struct storage **out, struct error *err)
{
    const char *colon = strstr(url, "://");
    if (!colon) {
        if (!*url)
            return error_set(err, STATUS_BAD_CONFIG, "the storage path is empty");
        return storage_local.open(url, options, create, out, err);
    }
    size_t size = (size_t)(colon - url);
    if (serves(&storage_local, url, size))
        return open_file_url(colon + 3, options, create, out, err);
    for (const struct storage_driver *const *driver = storage_drivers; *driver; driver++)
        if (serves(*driver, url, size))
            return (*driver)->open(colon + 3, options, create, out, err);
    return no_such_scheme(url, size, err);
}
