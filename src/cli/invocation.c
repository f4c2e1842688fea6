#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/command.h"

/* Flags are --name value, --name=value, or --name for true; -h, -q and -o are short for three of them. What follows
 * "--" is no flag, and "-" alone is standard input. */

struct flag_parser {
    struct invocation *invocation;
    struct option_values globals;
    int argc;
    char **argv;
    int at;
    const char **args;
};

static const struct {
    char letter;
    const char *name;
} short_flags[] = {{'h', "help"}, {'q', "quiet"}, {'o', "output"}};

static struct option_value *find_flag(const struct flag_parser *parser, const char *name,
                                      size_t size)
{
    const struct option_values *tables[] = {&parser->invocation->flags, &parser->globals};
    for (size_t t = 0; t < 2; t++)
        for (size_t i = 0; i < tables[t]->n_values; i++)
            if (strlen(tables[t]->specs[i].name) == size &&
                strncmp(tables[t]->specs[i].name, name, size) == 0)
                return &tables[t]->values[i];
    return NULL;
}

static status unknown_flag(const struct flag_parser *parser, const char *written, size_t size,
                           struct error *err)
{
    const struct invocation *invocation = parser->invocation;
    const char *command = invocation->command->name;
    const char *words[64];
    size_t n = 0;
    for (size_t i = 0; i < invocation->flags.n_values && n < 32; i++)
        words[n++] = invocation->flags.specs[i].name;
    for (size_t i = 0; i < parser->globals.n_values; i++)
        words[n++] = parser->globals.specs[i].name;
    char *word = arena_strndup(&parser->invocation->arena, written, size);
    if (!word)
        return error_no_memory(err);
    const char *nearest = text_nearest(word + strspn(word, "-"), words, n);
    if (nearest)
        return error_set(err, STATUS_BAD_CONFIG, "%s has no flag %s; did you mean --%s?", command,
                         word, nearest);
    return error_set(err, STATUS_BAD_CONFIG, "%s has no flag %s; leat %s --help shows them",
                     command, word, command);
}

static status append_item(struct arena *arena, struct option_value *value, const char *text,
                          struct error *err)
{
    const char **items = arena_alloc(arena, (value->n_items + 2) * sizeof(*items));
    if (!items)
        return error_no_memory(err);
    if (value->n_items)
        memcpy(items, value->items, value->n_items * sizeof(*items));
    items[value->n_items++] = text;
    value->items = items;
    value->given = true;
    return STATUS_OK;
}

static status set_flag(struct flag_parser *parser, struct option_value *flag, const char *text,
                       struct error *err)
{
    const struct option_spec *spec = flag->spec;
    if (!text && spec->kind == OPTION_BOOL) {
        text = "true";
    } else if (!text) {
        if (parser->at + 1 >= parser->argc)
            return error_set(err, STATUS_BAD_CONFIG, "--%s needs a value%s%s", spec->name,
                             spec->example ? ", such as " : "", spec->example ? spec->example : "");
        text = parser->argv[++parser->at];
    }
    if (spec->kind == OPTION_LIST)
        return append_item(&parser->invocation->arena, flag, text, err);
    struct error cause = {0};
    if (option_parse(spec, text, flag, &cause) != STATUS_OK)
        return error_set(err, STATUS_BAD_CONFIG, "--%s: %s", spec->name, cause.text);
    return STATUS_OK;
}

static status parse_flag(struct flag_parser *parser, const char *word, struct error *err)
{
    const char *name = word + 2;
    size_t size = strcspn(name, "=");
    const char *text = name[size] ? name + size + 1 : NULL;
    if (word[1] != '-') {
        name = NULL;
        for (size_t i = 0; i < sizeof(short_flags) / sizeof(short_flags[0]); i++)
            if (word[1] == short_flags[i].letter && word[2] == 0)
                name = short_flags[i].name;
        size = name ? strlen(name) : 0;
        text = NULL;
    }
    struct option_value *flag = name ? find_flag(parser, name, size) : NULL;
    if (!flag)
        return unknown_flag(parser, word, strcspn(word, "="), err);
    return set_flag(parser, flag, text, err);
}

static status parse_words(struct flag_parser *parser, struct error *err)
{
    struct invocation *invocation = parser->invocation;
    bool flags_ended = false;
    for (; parser->at < parser->argc; parser->at++) {
        const char *word = parser->argv[parser->at];
        if (!flags_ended && strcmp(word, "--") == 0)
            flags_ended = true;
        else if (!flags_ended && word[0] == '-' && word[1])
            TRY(parse_flag(parser, word, err));
        else
            parser->args[invocation->n_args++] = word;
    }
    return STATUS_OK;
}

static status check_count(const struct invocation *invocation, struct error *err)
{
    const struct command *command = invocation->command;
    if (invocation->n_args < command->min_args)
        return error_set(err, STATUS_BAD_CONFIG, "%.*s is missing: leat %s %s",
                         (int)strcspn(command->synopsis, " "), command->synopsis, command->name,
                         command->synopsis);
    if (invocation->n_args > command->max_args)
        return error_set(err, STATUS_BAD_CONFIG, "%s takes no \"%s\": leat %s%s%s", command->name,
                         invocation->args[command->max_args], command->name,
                         command->synopsis[0] ? " " : "", command->synopsis);
    return STATUS_OK;
}

static void apply_globals(struct invocation *invocation, const struct option_values *globals)
{
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    bool tty = isatty(fileno(invocation->log));
    bool dumb = terminal && strcmp(terminal, "dumb") == 0;
    invocation->help = option_number(globals, "help") != 0;
    invocation->quiet = option_number(globals, "quiet") != 0;
    invocation->json = option_number(globals, "json") != 0;
    invocation->progress = tty && !dumb && !invocation->quiet;
    invocation->color =
        tty && !dumb && !(no_color && *no_color) && option_number(globals, "no-color") == 0;
}

status invocation_parse(struct invocation *invocation, int argc, char **argv, struct error *err)
{
    static const struct option_spec no_flags[] = {{0}};
    const struct command *command = invocation->command;
    struct flag_parser parser = {.invocation = invocation, .argc = argc, .argv = argv};
    parser.args = arena_alloc(&invocation->arena, ((size_t)argc + 1) * sizeof(*parser.args));
    if (!parser.args)
        return error_no_memory(err);
    invocation->args = parser.args;
    TRY(option_defaults(&invocation->arena, command->flags ? command->flags : no_flags,
                        &invocation->flags, err));
    TRY(option_defaults(&invocation->arena, global_flags, &parser.globals, err));
    status code = parse_words(&parser, err);
    apply_globals(invocation, &parser.globals);
    if (code != STATUS_OK || invocation->help)
        return code;
    return check_count(invocation, err);
}

void invocation_release(struct invocation *invocation)
{
    job_release(&invocation->job);
    arena_release(&invocation->arena);
}

status invocation_split(struct invocation *invocation, const char *flag, const char *const **out,
                        struct error *err)
{
    const struct option_value *value = option_find(&invocation->flags, flag);
    struct option_value parts = {0};
    for (size_t i = 0; i < value->n_items; i++) {
        for (const char *at = value->items[i]; *at;) {
            size_t size = strcspn(at, ",");
            char *part = arena_strndup(&invocation->arena, at, size);
            if (!part)
                return error_no_memory(err);
            if (size)
                TRY(append_item(&invocation->arena, &parts, part, err));
            at += size + (at[size] == ',');
        }
    }
    *out = parts.items;
    return STATUS_OK;
}

status invocation_load_job(struct invocation *invocation, struct error *err)
{
    const struct option_value *set = option_find(&invocation->flags, "set");
    size_t n = set ? set->n_items : 0;
    struct job_override *overrides = arena_alloc(&invocation->arena, (n + 1) * sizeof(*overrides));
    if (!overrides)
        return error_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        const char *equals = strchr(set->items[i], '=');
        if (!equals || equals == set->items[i])
            return error_set(err, STATUS_BAD_CONFIG,
                             "--set: expected path=value such as defaults.mode=full-refresh, got "
                             "\"%s\"",
                             set->items[i]);
        overrides[i].path =
            arena_strndup(&invocation->arena, set->items[i], (size_t)(equals - set->items[i]));
        overrides[i].value = equals + 1;
        if (!overrides[i].path)
            return error_no_memory(err);
    }
    return job_load(invocation->args[0], overrides, n, &invocation->job, err);
}
