/* Where the ledger lies. Private to src/ledger. */
#ifndef LEAT_LEDGER_LOCATION_H
#define LEAT_LEDGER_LOCATION_H

#include "base/error.h"

/* PATH, or if it is NULL the place that the environment gives (see ledger_open); OUT by mem_free. Missing
 * directories are made for the user alone, and so is the file: messages in it may quote data. */
status ledger_locate(const char *path, char **out, struct error *err);
/* NOT_FOUND: there is none yet. Makes nothing. */
status ledger_find(const char *path, struct error *err);

#endif
