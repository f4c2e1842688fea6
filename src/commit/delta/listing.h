/* What the log's folder holds: versions as JSON, and checkpoints that stand for all versions up to theirs.
 *
 *   0 ... removed ... | json_from ........ newest      versions as JSON, without a gap
 *                C1        C2     C3                   checkpoints that reach json_from - 1 or further: each of
 *                                                      them and the JSON after it is the state */
#ifndef LEAT_COMMIT_DELTA_LISTING_H
#define LEAT_COMMIT_DELTA_LISTING_H

#include "base/error.h"
#include "base/memory.h"
#include "commit/delta/log.h"

struct log_checkpoint {
    int64_t version;
    const char *name; /* object; of one in parts: up to the part's number */
    uint32_t parts;   /* 0: one object; else of how many parts, all of which are there */
    bool is_json;     /* a manifest as lines; else Parquet */
};

struct log_listing {
    int64_t newest;    /* version; -1: no table */
    int64_t json_from; /* from here to newest each version is there as JSON; 0: the whole log */
    struct log_checkpoint *checkpoints; /* of versions json_from - 1 to newest, oldest first */
    size_t n_checkpoints;
    struct arena arena;
};

/* List the log. The hint (_last_checkpoint) is not asked: it may be stale or false, and the listing tells all.
 * HELD when what is there is no state: versions missing that no checkpoint stands for, or a checkpoint of a version
 * beyond the newest. */
status listing_read(struct storage *storage, struct log_listing *out, struct error *err);
void listing_release(struct log_listing *listing);

/* Where the state of VERSION can be read from, best first: CHECKPOINT and the JSON after it, or the JSON from
 * version 0 on (NULL). */
struct log_base {
    const struct log_checkpoint *checkpoint;
};
static inline int64_t base_version(const struct log_base *base)
{
    return base->checkpoint ? base->checkpoint->version : -1;
}

enum base_order {
    BASE_NEWEST, /* the least to read */
    BASE_OLDEST, /* the most told: each removal since then */
};

/* The NTH base for VERSION in this order; false: there is no further one. */
bool listing_base(const struct log_listing *listing, int64_t version, enum base_order order,
                  size_t nth, struct log_base *out);
/* Is a checkpoint that failed with S worth another base? Not so want of memory or an ill storage. */
bool base_is_bad(status_code s);
/* HELD: no base of VERSION could be read; the last was LAST, for the reason that ERR tells. */
status listing_no_base(const struct storage *storage, const struct log_listing *listing,
                       const struct log_base *last, struct error *err);

#endif
