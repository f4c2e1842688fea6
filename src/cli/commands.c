#include <string.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "cli/command.h"

const struct command *const commands[] = {
    &cmd_init, &cmd_discover, &cmd_check,  &cmd_plan,    &cmd_run,  &cmd_status,
    &cmd_runs, &cmd_inspect,  &cmd_vacuum, &cmd_version, &cmd_docs, NULL,
};

const struct option_spec global_flags[] = {
    {.name = "help", .kind = OPTION_BOOL, .help = "Show what the command does and takes."},
    {.name = "quiet", .kind = OPTION_BOOL, .help = "Say nothing when all is well."},
    {.name = "json", .kind = OPTION_BOOL, .help = "Results as one line of JSON."},
    {.name = "no-color",
     .kind = OPTION_BOOL,
     .help = "No colour; the variable NO_COLOR says the same."},
    {0},
};

const struct command *command_find(const char *name)
{
    for (size_t i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

const char *command_nearest(const char *word)
{
    const char *names[32];
    size_t n = 0;
    for (size_t i = 0; commands[i] && n < 32; i++)
        if (!commands[i]->hidden)
            names[n++] = commands[i]->name;
    return text_nearest(word, names, n);
}
