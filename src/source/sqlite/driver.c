#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/sqlite/sqlite.h"

static const char *const consistency_choices[] = {"auto", "hold", "copy", NULL};

static const char *const read_choices[] = {"auto", "pages", "sql", NULL};

static const struct option_spec options[] = {
    {.name = "consistency",
     .kind = OPTION_CHOICE,
     .choices = consistency_choices,
     .default_text = "auto",
     .help = "How all readers see one state of a database in rollback-journal mode: hold a shared "
             "lock while "
             "reading, or read a private copy; auto holds up to hold_limit.",
     .example = "copy"},
    {.name = "hold_limit",
     .kind = OPTION_SIZE,
     .default_text = "64MB",
     .help = "With consistency auto, a larger database is copied first.",
     .example = "1GB"},
    {.name = "busy_timeout",
     .kind = OPTION_DURATION,
     .default_text = "10 s",
     .maximum = 3600,
     .help = "How long to wait for another connection's lock.",
     .example = "1 min"},
    {.name = "read",
     .kind = OPTION_CHOICE,
     .choices = read_choices,
     .default_text = "auto",
     .help = "How rows are read: straight from the pages of their table, or through SQLite's own "
             "SQL; auto takes "
             "the pages wherever they can be read, pages stops where they can't.",
     .example = "sql"},
    {.name = NULL},
};

static const char *const schemes[] = {"sqlite", NULL};
static const char *const suffixes[] = {".db", ".sqlite", ".sqlite3", ".db3", NULL};

static void source_freep(struct source **source)
{
    if (!*source)
        return;
    sqlite_snapshot_release(&(*source)->snapshot);
    sqlite_disconnectp(&(*source)->db);
    mem_free((*source)->path);
    mem_free((*source)->identity);
    mem_free(*source);
    *source = NULL;
}

/* realpath keeps nothing of a name that is not there; the message needs an absolute one. */
static void absolute_name(const char *location, char out[PATH_MAX])
{
    char here[PATH_MAX];
    while (location[0] == '.' && location[1] == '/')
        location += 1 + strspn(location + 1, "/");
    if (location[0] == '/' || !getcwd(here, sizeof(here)))
        snprintf(out, PATH_MAX, "%s", location);
    else if (snprintf(out, PATH_MAX, "%s/%s", here, location) >= PATH_MAX)
        out[0] = '\0';
}

static status find_file(const char *location, char out[PATH_MAX], struct error *err)
{
    struct stat st;
    char shown[PATH_MAX];
    absolute_name(location, shown);
    if (!realpath(location, out) || stat(out, &st) != 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return error_set(err, STATUS_NOT_FOUND, "no database file %s", shown);
        return error_os(err, errno, "cannot reach the database file %s", shown);
    }
    if (!S_ISREG(st.st_mode))
        return error_set(err, STATUS_BAD_DATA, "%s is not a file, so it is no SQLite database",
                         out);
    if (access(out, R_OK) != 0)
        return error_os(err, errno, "cannot read the database file %s", out);
    return STATUS_OK;
}

static void read_options(struct source *source, const struct option_values *values)
{
    source->options.path = source->path;
    source->options.consistency = CONSISTENCY_AUTO;
    source->options.hold_limit = 64 * 1000 * 1000;
    source->options.busy_ms = 10 * 1000;
    source->way = READ_AUTO;
    if (!values)
        return;
    source->way = (enum sqlite_way)option_number(values, "read");
    source->options.consistency = (enum sqlite_consistency)option_number(values, "consistency");
    if (option_text(values, "hold_limit"))
        source->options.hold_limit = (uint64_t)option_number(values, "hold_limit");
    if (option_text(values, "busy_timeout"))
        source->options.busy_ms = option_number(values, "busy_timeout") * 1000;
}

/* A database file carries nothing that is its own for ever but its place; the application id, where one is set,
 * tells when another kind of database was put there. */
static status make_identity(struct source *source, struct error *err)
{
    int64_t application;
    TRY(sqlite_number(source->db, "PRAGMA main.application_id", &application, err));
    if (application != 0)
        source->identity =
            mem_printf("sqlite:%s#application_id=%lld", source->path, (long long)application);
    else
        source->identity = mem_printf("sqlite:%s", source->path);
    return source->identity ? STATUS_OK : error_no_memory(err);
}

static status sqlite_open(const char *location, const struct option_values *values,
                          struct source **out, struct error *err)
{
    char path[PATH_MAX];
    TRY(find_file(location, path, err));
    SCOPED(source_freep) struct source *source = mem_zalloc(sizeof(*source));
    if (!source)
        return error_no_memory(err);
    snapshot_init(&source->snapshot);
    source->path = mem_strdup(path);
    if (!source->path)
        return error_no_memory(err);
    read_options(source, values);
    TRY(sqlite_source_connect(source, &source->db, err));
    TRY(make_identity(source, err));
    *out = TAKE(source);
    return STATUS_OK;
}

status sqlite_source_connect(const struct source *source, sqlite3 **out, struct error *err)
{
    TRY_IN(sqlite_connect(source->path, true, source->options.busy_ms, out, err), err, "in %s",
           source->path);
    return STATUS_OK;
}

static void sqlite_plan_end(struct source *source)
{
    snapshot_end(&source->snapshot);
}

static void sqlite_close(struct source *source)
{
    source_freep(&source);
}

const struct source_driver sqlite_driver = {
    .name = "sqlite",
    .schemes = schemes,
    .suffixes = suffixes,
    .options = options,
    .traits = SOURCE_SPLITS | SOURCE_TOKEN | SOURCE_CPU_BOUND,
    .open = sqlite_open,
    .discover = sqlite_discover,
    .check = sqlite_check,
    .plan = sqlite_plan,
    .plan_end = sqlite_plan_end,
    .reader_open = sqlite_reader_open,
    .reader_next = sqlite_reader_next,
    .reader_counts = sqlite_reader_counts,
    .reader_close = sqlite_reader_close,
    .newest = sqlite_newest,
    .close = sqlite_close,
};
