#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "cli/open.h"
#include "storage/file_ops.h"
#include "storage/storage.h"

static const struct option_spec flags[] = {
    {.name = "output",
     .kind = OPTION_TEXT,
     .default_text = "leat.yaml",
     .help = "The file to write, - for standard output; never one that is there. Short: -o.",
     .example = "shop.yaml"},
    {.name = "target",
     .kind = OPTION_TEXT,
     .default_text = "./lake",
     .help = "Where the tables are to live.",
     .example = "file:///lake/shop"},
    {0},
};

/* Text that means the same to YAML: plain where that is safe, else in double quotes. DOLLAR: what a $ becomes. */
static void append_quoted(struct text *out, const char *text, const char *dollar)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:";
    static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off"};
    bool plain = text[0] && strspn(text, safe) == strlen(text) && !strchr("0123456789.:", text[0]);
    plain |= text_starts_with(text, "./") && strspn(text, safe) == strlen(text);
    plain &= !text_ends_with(text, ":");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        plain &= strcasecmp(text, words[i]) != 0;
    if (plain) {
        text_append(out, text);
        return;
    }
    text_append_char(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            text_printf(out, "\\%c", *text);
        else if (*text == '$')
            text_append(out, dollar);
        else if ((unsigned char)*text < 0x20)
            text_printf(out, "\\x%02x", (unsigned)*text);
        else
            text_append_char(out, *text);
    }
    text_append_char(out, '"');
}

/* A value, in which ${NAME} would be taken for a variable. */
static void append_yaml(struct text *out, const char *text)
{
    append_quoted(out, text, "$$");
}

/* A key, which is what it says. */
static void append_key(struct text *out, const char *text)
{
    append_quoted(out, text, "$");
}

/* A name as a key of `streams`, where * ? and ! mean more than themselves. */
static bool is_expressible(const char *name)
{
    return name[0] != '!' && !strpbrk(name, "*?");
}

/* A primary key of one whole number. */
static const struct source_column *find_numbers(const struct source_stream *stream)
{
    const struct source_column *found = NULL;
    for (size_t i = 0; i < stream->n_columns; i++) {
        const struct source_column *column = &stream->columns[i];
        if (column->key_position == 0)
            continue;
        enum type_id id = column->type.id;
        bool number = id == TYPE_INT16 || id == TYPE_INT32 || id == TYPE_INT64;
        if (found || !number || !column->usable_key)
            return NULL;
        found = column;
    }
    return found;
}

static const struct source_column *find_update_key(const struct source_stream *stream)
{
    static const char *const likely[] = {"updated_at", "modified_at", "last_modified",
                                         "created_at"};
    for (size_t k = 0; k < sizeof(likely) / sizeof(likely[0]); k++)
        for (size_t i = 0; i < stream->n_columns; i++)
            if (stream->columns[i].usable_key &&
                strcasecmp(stream->columns[i].name, likely[k]) == 0)
                return &stream->columns[i];
    return find_numbers(stream);
}

static const struct source_column *find_period(const struct source_stream *stream)
{
    for (size_t i = 0; i < stream->n_columns; i++)
        if (stream->columns[i].type.id == TYPE_TIMESTAMP || stream->columns[i].type.id == TYPE_DATE)
            return &stream->columns[i];
    return NULL;
}

static void append_primary_key(struct text *out, const struct source_stream *stream)
{
    bool any = false;
    for (int32_t position = 1; position <= (int32_t)stream->n_columns; position++) {
        for (size_t i = 0; i < stream->n_columns; i++) {
            if (stream->columns[i].key_position != position)
                continue;
            text_append(out, any ? ", " : "    primary_key: [");
            append_yaml(out, stream->columns[i].name);
            any = true;
        }
    }
    if (any)
        text_append(out, "]\n");
}

/* ---- names that a table or a path can't carry ---- */

/* What Delta takes in no column's name. */
static const char refused_in_columns[] = " ,;{}()\n\t=";

static bool needs_query(const struct source_stream *stream)
{
    for (size_t i = 0; i < stream->n_columns; i++)
        if (strpbrk(stream->columns[i].name, refused_in_columns))
            return true;
    return !is_expressible(stream->name);
}

/* NAME with _ for each of REFUSED and for control characters. NULL: no memory. */
static char *clean_name(struct arena *arena, const char *name, const char *refused)
{
    char *clean = arena_strdup(arena, name);
    for (char *at = clean; at && *at; at++)
        if (strchr(refused, *at) || (unsigned char)*at < 0x20)
            *at = '_';
    return clean;
}

static void append_identifier(struct text *out, const char *name)
{
    text_append_char(out, '"');
    for (; *name; name++) {
        text_append_char(out, *name);
        if (*name == '"')
            text_append_char(out, '"');
    }
    text_append_char(out, '"');
}

static status append_query(struct text *out, const struct source_stream *stream,
                           struct arena *arena, struct error *err)
{
    SCOPED(text_release) struct text query = {0};
    text_append(&query, "select ");
    for (size_t i = 0; i < stream->n_columns; i++) {
        const char *name = stream->columns[i].name;
        const char *clean = clean_name(arena, name, refused_in_columns);
        if (!clean)
            return error_no_memory(err);
        text_append(&query, i ? ", " : "");
        append_identifier(&query, name);
        if (strcmp(clean, name) != 0) {
            text_append(&query, " as ");
            append_identifier(&query, clean);
        }
    }
    text_append(&query, " from ");
    if (stream->sql)
        text_append(&query, stream->sql);
    else
        append_identifier(&query, stream->name);
    TRY(text_check(&query, err));
    text_append(out, "    query: ");
    append_yaml(out, text_string(&query));
    text_append_char(out, '\n');
    return STATUS_OK;
}

/* The folder that a stream's table gets without a word. */
static const char *folder_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

/* Where there are schemas, tables outside the default one have a folder of their schema; it must not be a table's. */
static bool is_folder_shared(const struct source_catalog *catalog,
                             const struct source_stream *stream)
{
    size_t streams = 0;
    const char *dot = strrchr(stream->name, '.');
    for (size_t i = 0; i < catalog->n_streams; i++) {
        const char *folder = folder_of(catalog->streams[i].name);
        if (!stream->sql)
            streams += strcmp(folder, folder_of(stream->name)) == 0;
        else if (dot && strlen(folder) == (size_t)(dot - stream->name))
            streams += 2 * (strncmp(folder, stream->name, strlen(folder)) == 0);
    }
    return streams > 1 && dot;
}

/* Some readers take no line break in a path. */
static bool has_control(const char *name)
{
    for (; *name; name++)
        if ((unsigned char)*name < 0x20)
            return true;
    return false;
}

static status append_object(struct text *out, const struct source_catalog *catalog,
                            const struct source_stream *stream, struct arena *arena,
                            struct error *err)
{
    const char *folder = folder_of(stream->name);
    bool quoted = stream->sql && strchr(stream->name, '"');
    bool is_path =
        !quoted && !strchr(folder, '/') && storage_name_valid(folder) && !has_control(folder);
    if (is_path && !is_folder_shared(catalog, stream))
        return STATUS_OK;
    const char *clean = clean_name(arena, stream->name, is_path ? "/" : quoted ? "/.\"" : "/.");
    if (!clean)
        return error_no_memory(err);
    text_append(out, "    object: ");
    append_yaml(out, *clean ? clean : "_");
    text_append_char(out, '\n');
    return STATUS_OK;
}

/* ---- the file ---- */

/* A column that may hold values of every kind, BLOBs among them, loads as text only if the job says so. */
static void append_columns(struct text *out, const struct source_stream *stream, bool query)
{
    bool any = false;
    for (size_t i = 0; i < stream->n_columns && !query; i++) {
        const char *declared = stream->columns[i].declared_type;
        if (declared && declared[0] && strcasecmp(declared, "any") != 0)
            continue;
        text_append(out, any ? ", " : "    columns: {");
        append_key(out, stream->columns[i].name);
        text_append(out, ": {on_error: text}");
        any = true;
    }
    if (any)
        text_append(out, "} # BLOBs become 0x and hex digits\n");
}

static void append_hints(struct text *out, const struct source_stream *stream)
{
    const struct source_column *key = find_update_key(stream);
    const struct source_column *period = find_period(stream);
    if (key) {
        text_append(out, "    # mode: incremental with update_key: ");
        append_yaml(out, key->name);
        text_append(out, " and write: append loads only what is new\n");
    }
    if (period && !strpbrk(period->name, refused_in_columns)) {
        text_append(out, "    # partition_by: day(");
        text_append(out, period->name);
        text_append(out, ")\n");
    }
}

static status append_note(struct text *out, const struct source_stream *stream, const char *before,
                          struct arena *arena, struct error *err)
{
    const char *note = stream->note ? clean_name(arena, stream->note, "") : "";
    if (!note)
        return error_no_memory(err);
    if (*note)
        text_printf(out, "%s%s\n", before, note);
    return STATUS_OK;
}

static status append_stream(struct text *out, const struct source_catalog *catalog,
                            const struct source_stream *stream, struct arena *arena,
                            struct error *err)
{
    char rows[48];
    bool query = needs_query(stream);
    const char *name = clean_name(arena, stream->name, query ? "*?!" : "");
    if (!name)
        return error_no_memory(err);
    if (stream->n_columns == 0) { /* it can't be read: the note says why */
        text_append(out, "  # ");
        append_key(out, stream->name);
        return append_note(out, stream, ": ", arena, err);
    }
    text_append(out, "  ");
    append_key(out, query ? name : stream->name);
    text_printf(out, ": # %s", stream->kind);
    if (stream->rows)
        text_printf(out, ", about %s", counted(stream->rows, "row", rows));
    text_append(out, "\n    mode: full-refresh\n");
    if (query)
        TRY(append_query(out, stream, arena, err));
    else
        append_primary_key(out, stream);
    TRY(append_object(out, catalog, stream, arena, err));
    append_columns(out, stream, query);
    append_hints(out, stream);
    return append_note(out, stream, "    # ", arena, err);
}

/* A path is relative to the job file; what was typed was relative to the current directory. */
static const char *source_for_job(struct invocation *invocation, const char *url,
                                  const struct source_driver *driver)
{
    char current[PATH_MAX];
    const char *output = option_text(&invocation->flags, "output");
    bool beside = !strchr(output, '/');
    if (!driver->suffixes || strstr(url, "://") || url[0] == '/') /* a server, or absolute */
        return url;
    if (beside)
        return text_starts_with(url, "./") ? url : arena_printf(&invocation->arena, "./%s", url);
    if (!getcwd(current, sizeof(current)))
        return url;
    return arena_printf(&invocation->arena, "%s/%s", current, url);
}

static status build_job(struct invocation *invocation, const char *url,
                        const struct open_source *opened, struct text *out, struct error *err)
{
    const struct source_catalog *catalog = &opened->catalog;
    const char *source = source_for_job(invocation, url, opened->driver);
    if (!source)
        return error_no_memory(err);
    text_append(out,
                "# What to load, from where, to where. Every word: docs/reference/job-file.md\n"
                "source: ");
    append_yaml(out, source);
    text_append(out, "\ntarget: ");
    append_yaml(out, option_text(&invocation->flags, "target"));
    text_append(out, "\ndefaults:\n  table: delta\nstreams:\n");
    for (size_t i = 0; i < catalog->n_streams; i++)
        TRY(append_stream(out, catalog, &catalog->streams[i], &invocation->arena, err));
    return text_check(out, err);
}

/* Secrets have no place in a file that will be shared. */
static status refuse_password(struct invocation *invocation, const char *url, struct error *err)
{
    const char *shown = job_redact_url(url, &invocation->arena);
    if (!shown)
        return error_no_memory(err);
    if (strcmp(shown, url) == 0)
        return STATUS_OK;
    return error_set(err, STATUS_BAD_CONFIG,
                     "the URL holds a password, and init would write it into the job file; put the "
                     "URL into an environment variable and write source: env:NAME");
}

static status write_all(int fd, const char *path, const struct text *content, struct error *err)
{
    for (size_t done = 0; done < content->size;) {
        ssize_t n = file_ops()->write(fd, content->data + done, content->size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_os(err, errno, "cannot write %s", path);
        done += (size_t)n;
    }
    return STATUS_OK;
}

static status write_file(const char *path, const struct text *content, struct error *err)
{
    int fd = file_ops()->openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST)
        return error_set(
            err, STATUS_BAD_CONFIG,
            "%s is there already and init overwrites nothing; choose another file with "
            "-o FILE",
            path);
    if (fd < 0)
        return error_os(err, errno, "cannot write %s", path);
    status code = write_all(fd, path, content, err);
    file_ops()->close(fd);
    if (code != STATUS_OK)
        file_ops()->unlinkat(AT_FDCWD, path, 0); /* half a job file helps nobody */
    return code;
}

static status run(struct invocation *invocation, struct error *err)
{
    const char *url = invocation->args[0];
    const char *path = option_text(&invocation->flags, "output");
    SCOPED(open_source_close) struct open_source source = {0};
    SCOPED(text_release) struct text content = {0};
    const char *shown;
    char streams[48];
    TRY(refuse_password(invocation, url, err));
    TRY(source_open_url(invocation, url, &source, &shown, err));
    TRY(source_catalog_read(&source, err));
    if (source.catalog.n_streams == 0)
        return error_set(err, STATUS_BAD_CONFIG, "%s holds no tables", shown);
    TRY(build_job(invocation, url, &source, &content, err));
    if (strcmp(path, "-") == 0) {
        fputs(text_string(&content), invocation->out);
        return STATUS_OK;
    }
    TRY(write_file(path, &content, err));
    if (invocation->json)
        return print_json(invocation,
                          json_pack("{s:s,s:I}", "written", path, "streams",
                                    (json_int_t)source.catalog.n_streams),
                          err);
    if (!invocation->quiet)
        fprintf(invocation->out, "wrote %s with %s\nnext: leat check %s\n", path,
                counted(source.catalog.n_streams, "stream", streams), path);
    return STATUS_OK;
}

const struct command cmd_init = {
    .name = "init",
    .synopsis = "URL",
    .summary = "write a first job file for what a source holds",
    .help = "Writes a job file that loads every table of the source, with hints for incremental "
            "loads and partitions. Never overwrites a file.",
    .example = "leat init ./shop.db -o shop.yaml",
    .flags = flags,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
