/* The commands, one a file. */
#ifndef LEAT_CLI_CMD_H
#define LEAT_CLI_CMD_H

#include "cli/command.h"

extern const struct command cmd_check;
extern const struct command cmd_discover;
extern const struct command cmd_docs;
extern const struct command cmd_init;
extern const struct command cmd_inspect;
extern const struct command cmd_plan;
extern const struct command cmd_run;
extern const struct command cmd_runs;
extern const struct command cmd_status;
extern const struct command cmd_vacuum;
extern const struct command cmd_version;

#endif
