/* Exit codes, in one table: what leat exits with and what the reference says about it. */
#ifndef LEAT_CLI_EXIT_CODE_H
#define LEAT_CLI_EXIT_CODE_H

#include "base/status.h"

enum {
    EXIT_PUBLISHED = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_SOME_FAILED = 3,
    EXIT_HELD = 4,
    EXIT_UNKNOWN = 5,
    EXIT_LOCKED = 6,
    EXIT_SIGINT = 130,
    EXIT_SIGTERM = 143,
};

struct exit_meaning {
    int code;
    const char *meaning;
    const char *next; /* what to do then */
};
extern const struct exit_meaning exit_meanings[]; /* ends with a NULL meaning */

int exit_code_of(status_code code);

#endif
