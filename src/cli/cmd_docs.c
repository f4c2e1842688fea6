/* docs/reference/ from the tables that parse: what is written there can be written in a job file, and nothing else
 * can. tests/e2e/test_docs_fresh.py says when the pages are stale. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "cli/exit_code.h"
#include "job/words.h"
#include "storage/file_ops.h"

/* A bar would end a cell of a table. */
static void append_cell(struct text *page, const char *text)
{
    for (; text && *text; text++) {
        if (*text == '|')
            text_append(page, "\\|");
        else if (*text == '<')
            text_append(page, "&lt;");
        else
            text_append_char(page, *text == '\n' ? ' ' : *text);
    }
}

static void append_code(struct text *page, const char *text)
{
    if (!text)
        return;
    text_append_char(page, '`');
    for (; *text; text++)
        text_append(page, *text == '|' ? "\\|" : (char[]){*text, 0});
    text_append_char(page, '`');
}

static void append_value(struct text *page, const struct option_spec *spec)
{
    if (spec->kind != OPTION_CHOICE) {
        text_append(page, option_kind_text(spec->kind));
        return;
    }
    for (size_t i = 0; spec->choices[i]; i++) {
        text_append(page, i ? ", " : "");
        append_code(page, spec->choices[i]);
    }
}

static void append_options(struct text *page, const struct option_spec *specs, const char *prefix)
{
    text_append(page, "| word | value | default | meaning |\n|---|---|---|---|\n");
    for (const struct option_spec *spec = specs; spec && spec->name; spec++) {
        text_printf(page, "| `%s%s` | ", prefix, spec->name);
        append_value(page, spec);
        text_append(page, " | ");
        append_code(page, spec->default_text);
        text_append(page, " | ");
        append_cell(page, spec->help);
        if (spec->example) {
            text_append(page, " Example: ");
            append_code(page, spec->example);
        }
        text_append(page, " |\n");
    }
}

static void append_head(struct text *page, const char *title)
{
    text_printf(page,
                "# %s\n\n<!-- Made by `leat docs` from the option tables in src/; edit those. "
                "-->\n\n",
                title);
}

/* ---- pages ---- */

static const char job_example[] =
    "```yaml\n"
    "source: env:SHOP_DB                  # sqlite:///data/shop.db\n"
    "target: file:///lake/shop\n"
    "defaults:\n"
    "  table: delta\n"
    "  mode: incremental\n"
    "  write: append\n"
    "streams:\n"
    "  orders:\n"
    "    primary_key: [id]\n"
    "    update_key: created_at\n"
    "    partition_by: {column: created_at, recent: day, after: 90 days, then: month}\n"
    "    file_size: 256MB\n"
    "    columns: {total: {type: \"decimal(18,2)\", on_error: reject}}\n"
    "    checks: {row_count: {max_drop: 20%}, not_null: [id]}\n"
    "  customers: {mode: full-refresh, tags: [nightly]}\n"
    "  \"ref_*\": {mode: full-refresh}\n"
    "  \"!ref_tmp_*\":\n"
    "```\n\n";

static const char job_rules[] =
    "A job file is YAML without anchors, aliases, tags and merge keys, at most 1 MiB. Every word "
    "is "
    "one of those below; the first mistake ends the command with exit code 2 and a message that "
    "names file, line and column.\n\n"
    "- `${NAME}` inside a value is the environment variable; `$$` is one `$`.\n"
    "- `env:NAME` as a whole value is the environment variable, `file:PATH` the content of a file "
    "(a URL begins with `file://`).\n"
    "- A URL path after the third slash is absolute; plain paths are relative to the job file.\n"
    "- `--set streams.orders.mode=full-refresh` on the command line goes before the file; lists "
    "and "
    "maps are written as `[a, b]` and `{key: value}`.\n"
    "- Sizes: `MB` is 10^6 bytes, `MiB` 2^20. Durations: `90s`, `15m`, `2 h`, `3 days`.\n"
    "- Streams are chosen on the command line by name, wildcard or `tag:nightly`.\n\n";

/* What the design has and this version refuses by name. */
static void append_later_words(struct text *page)
{
    text_append(page, "## Not available yet\n\nThese are refused by name, never passed over: ");
    for (const struct later_word *word = later_words; word->section; word++) {
        text_append(page, word == later_words ? "`" : ", `");
        text_append(page, strcmp(word->key, "url") == 0 ? word->section : word->key);
        if (word->value)
            text_printf(page, ": %s", word->value);
        text_append(page, "`");
    }
    text_append(page, ".\n\n");
}

static void job_page(struct text *page)
{
    append_head(page, "Job file");
    text_append(page, job_example);
    text_append(page, job_rules);
    size_t n;
    const struct option_section *sections = job_sections(&n);
    for (size_t i = 0; i < n; i++) {
        text_printf(page, "## %s\n\n%s\n\n", sections[i].title, sections[i].help);
        append_options(page, sections[i].specs, "");
        text_append(page, "\n");
    }
    append_later_words(page);
    text_append(page, "## Options of drivers\n\n");
    for (size_t i = 0; source_drivers[i]; i++)
        text_printf(page, "- [source %s](options-%s.md)\n", source_drivers[i]->name,
                    source_drivers[i]->name);
    for (size_t i = 0; storage_drivers[i]; i++)
        text_printf(page, "- [storage %s](options-%s.md)\n", storage_drivers[i]->name,
                    storage_drivers[i]->name);
    for (size_t i = 0; commit_drivers[i]; i++)
        text_printf(page, "- [table %s](options-%s.md)\n", commit_drivers[i]->name,
                    commit_drivers[i]->name);
    for (size_t i = 0; format_drivers[i]; i++)
        text_printf(page, "- [format %s](options-%s.md)\n", format_drivers[i]->name,
                    format_drivers[i]->name);
}

static void commands_page(struct text *page)
{
    append_head(page, "Commands");
    text_append(page, "Results go to standard output, progress and messages to standard error. "
                      "[Exit codes](exit-codes.md) are the same for all.\n\n## Every command\n\n");
    append_options(page, global_flags, "--");
    for (size_t i = 0; commands[i]; i++) {
        const struct command *command = commands[i];
        if (command->hidden)
            continue;
        text_printf(page, "\n## leat %s\n\n```\nleat %s%s%s\n```\n\n%s%s\n", command->name,
                    command->name, command->synopsis[0] ? " " : "", command->synopsis,
                    command->help ? command->help : command->summary, command->help ? "" : ".");
        if (command->flags && command->flags[0].name) {
            text_append(page, "\n");
            append_options(page, command->flags, "--");
        }
        if (command->example)
            text_printf(page, "\nExample: `%s`\n", command->example);
    }
}

static void exit_codes_page(struct text *page)
{
    append_head(page, "Exit codes");
    text_append(page, "| code | meaning | what to do |\n|---|---|---|\n");
    for (const struct exit_meaning *meaning = exit_meanings; meaning->meaning; meaning++)
        text_printf(page, "| %d | %s | %s |\n", meaning->code, meaning->meaning, meaning->next);
}

static void driver_page(struct text *page, const char *kind, const char *name, const char *where,
                        const struct option_spec *specs, const struct option_spec *column_specs)
{
    char title[128];
    snprintf(title, sizeof(title), "Options of the %s %s", kind, name);
    append_head(page, title);
    text_printf(page, "%s\n\n", where);
    if (specs && specs[0].name)
        append_options(page, specs, "");
    else
        text_append(page, "It has none.\n");
    if (!column_specs)
        return;
    text_append(page, "\n## Of one column\n\nIn the stream's `columns`, beside `type`.\n\n");
    append_options(page, column_specs, "");
}

/* ---- writing ---- */

static status write_bytes(int fd, const char *path, const struct text *page, struct error *err)
{
    for (size_t done = 0; done < page->size;) {
        ssize_t n = file_ops()->write(fd, page->data + done, page->size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_os(err, errno, "cannot write %s", path);
        done += (size_t)n;
    }
    return STATUS_OK;
}

/* Writes PAGE and empties it. */
static status write_page(struct invocation *invocation, const char *name, struct text *page,
                         struct error *err)
{
    const char *path = arena_printf(&invocation->arena, "%s/%s.md", invocation->args[0], name);
    status_code code = path ? text_check(page, err) : error_no_memory(err);
    if (code == STATUS_OK) {
        int fd = file_ops()->openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (fd < 0) {
            code = error_os(err, errno, "cannot write %s", path);
        } else {
            code = write_bytes(fd, path, page, err);
            file_ops()->close(fd);
        }
    }
    text_release(page);
    return code;
}

static status write_driver(struct invocation *invocation, const char *kind, const char *name,
                           const char *where, const struct option_spec *specs,
                           const struct option_spec *column_specs, struct error *err)
{
    char file[80];
    struct text page = {0};
    snprintf(file, sizeof(file), "options-%s", name);
    driver_page(&page, kind, name, where, specs, column_specs);
    return write_page(invocation, file, &page, err);
}

static status write_drivers(struct invocation *invocation, struct error *err)
{
    static const char in_source[] = "Written beside `url` under `source`:\n"
                                    "`source: {url: ..., word: value}`.";
    static const char in_target[] = "Written beside `url` under `target`:\n"
                                    "`target: {url: ..., word: value}`.";
    static const char in_stream[] = "Written in a stream, or under `defaults`.";
    for (size_t i = 0; source_drivers[i]; i++)
        TRY(write_driver(invocation, "source", source_drivers[i]->name, in_source,
                         source_drivers[i]->options, NULL, err));
    for (size_t i = 0; storage_drivers[i]; i++)
        TRY(write_driver(invocation, "storage", storage_drivers[i]->name, in_target,
                         storage_drivers[i]->options, NULL, err));
    for (size_t i = 0; commit_drivers[i]; i++)
        TRY(write_driver(invocation, "table", commit_drivers[i]->name, in_stream,
                         commit_drivers[i]->options, NULL, err));
    for (size_t i = 0; format_drivers[i]; i++)
        TRY(write_driver(invocation, "format", format_drivers[i]->name, in_stream,
                         format_drivers[i]->options, format_drivers[i]->column_options, err));
    return STATUS_OK;
}

static status run(struct invocation *invocation, struct error *err)
{
    struct text page = {0};
    job_page(&page);
    TRY(write_page(invocation, "job-file", &page, err));
    commands_page(&page);
    TRY(write_page(invocation, "commands", &page, err));
    exit_codes_page(&page);
    TRY(write_page(invocation, "exit-codes", &page, err));
    return write_drivers(invocation, err);
}

const struct command cmd_docs = {
    .name = "docs",
    .synopsis = "DIR",
    .summary = "write the reference pages",
    .help = "Writes the reference pages into DIR, from the tables that parse flags and job files.",
    .example = "leat docs docs/reference",
    .min_args = 1,
    .max_args = 1,
    .hidden = true,
    .run = run,
};
