/* Every source there is. A driver is a sub-folder that exports one symbol. */
#include "source/source.h"

extern const struct source_driver postgres_driver;
extern const struct source_driver sqlite_driver;

const struct source_driver *const source_drivers[] = {
    &sqlite_driver,
    &postgres_driver,
    NULL,
};
