#include "ledger/location.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

static const char *set_variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static status choose_path(const char *path, char **out, struct error *err)
{
    const char *given = path ? path : set_variable("LEAT_LEDGER");
    const char *state = set_variable("XDG_STATE_HOME"), *home = set_variable("HOME");
    char *chosen;
    if (given)
        chosen = mem_strdup(given);
    else if (state && state[0] == '/') /* a relative one is to be ignored: XDG base directories */
        chosen = mem_printf("%s/leat/ledger.db", state);
    else if (home)
        chosen = mem_printf("%s/.local/state/leat/ledger.db", home);
    else
        return error_set(err, STATUS_BAD_CONFIG,
                         "no place for the ledger: set LEAT_LEDGER to a file, or HOME");
    if (!chosen)
        return error_no_memory(err);
    *out = chosen;
    return STATUS_OK;
}

/* Make the directories PATH lies in. PATH is changed while at it, and whole again afterwards. */
static status make_directories(char *path, struct error *err)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int failed = mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : errno;
        status_code result =
            failed ? error_os(err, failed, "cannot make the ledger's directory %s", path)
                   : STATUS_OK;
        *slash = '/';
        TRY(result);
    }
    return STATUS_OK;
}

status ledger_find(const char *path, struct error *err)
{
    SCOPED(mem_freep) char *chosen = NULL;
    TRY(choose_path(path, &chosen, err));
    return access(chosen, F_OK) == 0 ? STATUS_OK
                                     : error_os(err, errno, "cannot open the ledger %s", chosen);
}

status ledger_locate(const char *path, char **out, struct error *err)
{
    SCOPED(mem_freep) char *chosen = NULL;
    TRY(choose_path(path, &chosen, err));
    /* made here so that SQLite, which knows no mode, finds it; its journal takes the same mode */
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC;
    int fd = open(chosen, flags, 0600);
    if (fd < 0 && errno == ENOENT) {
        TRY(make_directories(chosen, err));
        fd = open(chosen, flags, 0600);
    }
    if (fd < 0)
        return error_os(err, errno, "cannot open the ledger %s", chosen);
    (void)close(fd);
    *out = TAKE(chosen);
    return STATUS_OK;
}
