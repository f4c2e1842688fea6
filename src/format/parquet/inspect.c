#include "format/parquet/driver.h"
status parquet_inspect(const struct byte_source *source, bool json, FILE *out, struct error *err)
{
    return error_set(err, STATUS_BUG, "not yet");
}
