/* One publication: what is known of it, and the version it puts. Private to publish.c and version.c. */
#ifndef LEAT_COMMIT_DELTA_PUBLISH_H
#define LEAT_COMMIT_DELTA_PUBLISH_H

#include "commit/delta/delta.h"

struct publication {
    const struct delta_table *table;
    const struct publish_request *request;
    const struct table_state *base;
    struct snapshot now;
    struct replay old; /* of which replace_all or replace_partitions take files away */
    char table_id[37];
    bool record_is_put;
    bool new_metadata, new_protocol;
    bool widens; /* files that stay have narrower types than the new definition */
    struct arena arena;
};

static inline bool takes_away(const struct publish_request *request)
{
    return request->replace_all || request->replace_partitions;
}

/* ---- version.c ---- */

/* Put VERSION with all its lines, if absent; its bytes are durable before its name. EXISTS: another writer's. */
status version_put(const struct publication *publication, int64_t version, struct error *err);

#endif
