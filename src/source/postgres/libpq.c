#include "source/postgres/libpq.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>

struct libpq libpq;

static const struct {
    const char *name;
    void **place;
} functions[] = {
#define PLACE(name) {#name, (void **)&libpq.name},
    LIBPQ_FUNCTIONS(PLACE)
#undef PLACE
};

static status function_is_missing(void *library, const char *name, struct error *err)
{
    __typeof__(PQlibVersion) *version = dlsym(library, "PQlibVersion"); /* 130004: 13.4 */
    return error_set(err, STATUS_NOT_FOUND,
                     "libpq.so.5, PostgreSQL's client library, is that of PostgreSQL %d and has no "
                     "%s; install a newer one (Debian: apt install libpq5)",
                     version ? version() / 10000 : 0, name);
}

static status load(struct error *err)
{
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *why = dlerror();
        return error_set(err, STATUS_NOT_FOUND,
                         "libpq.so.5, PostgreSQL's client library, can't be loaded: %s; install it "
                         "(Debian: apt install libpq5)",
                         why ? why : "nobody says why");
    }
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        *functions[i].place = dlsym(library, functions[i].name);
        if (!*functions[i].place)
            return function_is_missing(library, functions[i].name, err);
    }
    return STATUS_OK;
}

/* Not pthread_once: each caller is told why it failed. */
status libpq_load(struct error *err)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static bool loaded;
    pthread_mutex_lock(&mutex);
    status_code s = loaded ? STATUS_OK : load(err);
    loaded = s == STATUS_OK;
    pthread_mutex_unlock(&mutex);
    return s;
}
