/* The one symbol of the local storage. */
#ifndef LEAT_STORAGE_LOCAL_DRIVER_H
#define LEAT_STORAGE_LOCAL_DRIVER_H

#include "storage/storage.h"

extern const struct storage_driver storage_local;

#endif
