/* The one symbol of the Delta tables. */
#ifndef LEAT_COMMIT_DELTA_DRIVER_H
#define LEAT_COMMIT_DELTA_DRIVER_H

#include "commit/commit.h"

extern const struct commit_driver commit_delta;

#endif
