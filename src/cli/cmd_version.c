#include "cli/cmd.h"

static status run(struct invocation *invocation, struct error *err)
{
    if (invocation->json)
        return print_json(invocation, json_pack("{s:s}", "version", LEAT_VERSION), err);
    fprintf(invocation->out, "leat %s\n", LEAT_VERSION);
    return STATUS_OK;
}

const struct command cmd_version = {
    .name = "version",
    .synopsis = "",
    .summary = "the version of this program",
    .help = "Prints the version of this program.",
    .example = "leat version",
    .run = run,
};
