#include "cli/exit_code.h"

#include <stddef.h>

const struct exit_meaning exit_meanings[] = {
    {EXIT_PUBLISHED, "Done: what was asked for is published, durable and visible.", "Nothing."},
    {EXIT_FAILED, "Failed; nothing became visible.",
     "Read the message; the next run goes on from what is finished."},
    {EXIT_USAGE, "Wrong usage, or a mistake in the job file.",
     "The message names the place and the nearest right word."},
    {EXIT_SOME_FAILED, "Some streams failed; the others are published.",
     "Run again; streams that are published find nothing new."},
    {EXIT_HELD,
     "Held by a check or by a change of the schema or the table; the old version stands.",
     "The message names the choices."},
    {EXIT_UNKNOWN, "The outcome of a publish is unknown; nothing was deleted.",
     "leat runs says how to find out."},
    {EXIT_LOCKED, "Another run holds the table.",
     "Wait for the run that the message names, or stop it."},
    {EXIT_SIGINT, "Stopped by SIGINT, at a point from which the next run goes on.", "Run again."},
    {EXIT_SIGTERM, "Stopped by SIGTERM, at a point from which the next run goes on.", "Run again."},
    {0},
};

static const unsigned char codes[] = {
    [STATUS_OK] = EXIT_PUBLISHED,       [STATUS_END] = EXIT_PUBLISHED,
    [STATUS_CANCELLED] = EXIT_SIGINT,   [STATUS_BAD_CONFIG] = EXIT_USAGE,
    [STATUS_BAD_DATA] = EXIT_FAILED,    [STATUS_SCHEMA_CHANGED] = EXIT_HELD,
    [STATUS_HELD] = EXIT_HELD,          [STATUS_NOT_FOUND] = EXIT_FAILED,
    [STATUS_EXISTS] = EXIT_FAILED,      [STATUS_DENIED] = EXIT_FAILED,
    [STATUS_CONFLICT] = EXIT_LOCKED,    [STATUS_IN_DOUBT] = EXIT_UNKNOWN,
    [STATUS_UNAVAILABLE] = EXIT_FAILED, [STATUS_SNAPSHOT_LOST] = EXIT_FAILED,
    [STATUS_NO_MEMORY] = EXIT_FAILED,   [STATUS_NO_SPACE] = EXIT_FAILED,
    [STATUS_BUG] = EXIT_FAILED,
};

int exit_code_of(status_code code)
{
    return (size_t)code < sizeof(codes) ? codes[code] : EXIT_FAILED;
}
