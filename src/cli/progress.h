/* One calm line on a terminal while a run goes on: stream, phase, rows, bytes, rate, share, time left. Never on a pipe. */
#ifndef LEAT_CLI_PROGRESS_H
#define LEAT_CLI_PROGRESS_H

#include <stdbool.h>

#include "pipeline/pipeline.h"

struct progress_display;

/* A thread that draws PROGRESS (borrowed until stop) on standard error, five times a second. NULL when standard error is no terminal,
 * or no thread can be had: then nothing is drawn. */
struct progress_display *progress_start(const struct run_progress *progress);
/* Take the line off the screen, so that something else may be printed; it comes back by itself. */
void progress_clear(struct progress_display *display);
void progress_stop(struct progress_display *display); /* accepts NULL */

#endif
