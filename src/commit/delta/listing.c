#include "commit/delta/listing.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum {
    VERSION_DIGITS = 20,
    PART_DIGITS = 10,
    UUID_CHARS = 36,
    LISTINGS = 2, /* a listing is not one moment: what looks wrong is looked at again */
};

void listing_release(struct log_listing *listing)
{
    mem_free(listing->checkpoints);
    arena_release(&listing->arena);
    *listing = (struct log_listing){0};
}

/* ---- names ---- */

/* NAME is a name in the log's folder: its version, and what stands behind the digits. */
static bool version_of(const char *name, int64_t *out, const char **out_rest)
{
    name = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
    if (strspn(name, "0123456789") != VERSION_DIGITS ||
        !text_parse_int64(name, VERSION_DIGITS, out))
        return false;
    *out_rest = name + VERSION_DIGITS;
    return true;
}

/* "0000000001.0000000010.parquet" */
static bool parts_of(const char *text, int64_t *out_part, int64_t *out_parts)
{
    if (strspn(text, "0123456789") != PART_DIGITS || text[PART_DIGITS] != '.')
        return false;
    const char *second = text + PART_DIGITS + 1;
    return strspn(second, "0123456789") == PART_DIGITS &&
           strcmp(second + PART_DIGITS, ".parquet") == 0 &&
           text_parse_int64(text, PART_DIGITS, out_part) &&
           text_parse_int64(second, PART_DIGITS, out_parts) && *out_part >= 1 &&
           *out_part <= *out_parts && *out_parts <= UINT32_MAX;
}

/* "<uuid>.parquet", "<uuid>.json" */
static bool uuid_of(const char *text, bool *out_json)
{
    if (strspn(text, "0123456789abcdefABCDEF-") != UUID_CHARS)
        return false;
    *out_json = strcmp(text + UUID_CHARS, ".json") == 0;
    return *out_json || strcmp(text + UUID_CHARS, ".parquet") == 0;
}

/* ---- one listing ---- */

struct found {
    struct log_checkpoint checkpoint;
    uint32_t seen; /* parts */
};

struct lister {
    int64_t first, newest,
        gap; /* -1: none; GAP: the first version missing before the last whole run */
    int64_t json_from;
    struct found *found;
    size_t n_found, capacity;
    struct arena arena;
};

static void lister_release(struct lister *lister)
{
    mem_free(lister->found);
    arena_release(&lister->arena);
    *lister = (struct lister){0};
}

static status add_found(struct lister *lister, int64_t version, const char *name, size_t size,
                        struct found **out, struct error *err)
{
    if (lister->n_found == lister->capacity) {
        size_t capacity = lister->capacity ? 2 * lister->capacity : 16;
        struct found *grown = mem_realloc_array(lister->found, capacity, sizeof(*grown));
        if (!grown)
            return error_no_memory(err);
        lister->found = grown;
        lister->capacity = capacity;
    }
    struct found *found = &lister->found[lister->n_found];
    *found = (struct found){.checkpoint = {.version = version}};
    found->checkpoint.name = arena_strndup(&lister->arena, name, size);
    if (!found->checkpoint.name)
        return error_no_memory(err);
    lister->n_found++;
    *out = found;
    return STATUS_OK;
}

static status see_part(struct lister *lister, int64_t version, const char *name, const char *rest,
                       int64_t parts, struct error *err)
{
    struct found *found = NULL;
    for (size_t i = lister->n_found; i > 0 && !found; i--) {
        struct found *other = &lister->found[i - 1];
        if (other->checkpoint.version != version)
            break; /* the listing is in order of versions */
        if (other->checkpoint.parts == parts)
            found = other;
    }
    if (!found) {
        TRY(add_found(lister, version, name, (size_t)(rest - name), &found, err));
        found->checkpoint.parts = (uint32_t)parts;
    }
    found->seen++;
    return STATUS_OK;
}

/* REST: what stands behind ".checkpoint." */
static status see_checkpoint(struct lister *lister, int64_t version, const char *name,
                             const char *rest, struct error *err)
{
    struct found *found;
    int64_t part;
    int64_t parts;
    bool is_json = false;
    if (parts_of(rest, &part, &parts))
        return see_part(lister, version, name, rest, parts, err);
    if (strcmp(rest, "parquet") != 0 && !uuid_of(rest, &is_json))
        return STATUS_OK;
    TRY(add_found(lister, version, name, strlen(name), &found, err));
    found->checkpoint.is_json = is_json;
    return STATUS_OK;
}

static void see_version(struct lister *lister, int64_t version)
{
    if (lister->first < 0)
        lister->first = lister->json_from = version;
    else if (version != lister->newest + 1) {
        lister->gap = lister->newest + 1;
        lister->json_from = version;
    }
    lister->newest = version;
}

static status_code see_object(void *context, const struct storage_entry *entry, struct error *err)
{
    struct lister *lister = context;
    int64_t version;
    const char *rest;
    if (entry->is_prefix || !version_of(entry->name, &version, &rest))
        return STATUS_OK;
    if (strcmp(rest, ".json") == 0)
        see_version(lister, version);
    else if (text_starts_with(rest, ".checkpoint."))
        return see_checkpoint(lister, version, entry->name, rest + strlen(".checkpoint."), err);
    return STATUS_OK;
}

/* ---- is it a state? ---- */

static bool is_whole(const struct found *found)
{
    return found->seen == found->checkpoint.parts;
}

static const struct found *beyond(const struct lister *lister)
{
    for (size_t i = 0; i < lister->n_found; i++)
        if (is_whole(&lister->found[i]) && lister->found[i].checkpoint.version > lister->newest)
            return &lister->found[i];
    return NULL;
}

static bool serves(const struct lister *lister, const struct found *found)
{
    return is_whole(found) && found->checkpoint.version >= lister->json_from - 1 &&
           found->checkpoint.version <= lister->newest;
}

static size_t count_serving(const struct lister *lister)
{
    size_t n = 0;
    for (size_t i = 0; i < lister->n_found; i++)
        n += serves(lister, &lister->found[i]);
    return n;
}

/* What was found instead of a checkpoint that stands for the missing versions. */
static void tell_others(const struct lister *lister, char out[160])
{
    const struct found *last = lister->n_found ? &lister->found[lister->n_found - 1] : NULL;
    if (!last)
        snprintf(out, 160, "there is no checkpoint");
    else if (!is_whole(last))
        snprintf(out, 160, "the checkpoint of version %lld has %u of its %u parts",
                 (long long)last->checkpoint.version, last->seen, last->checkpoint.parts);
    else
        snprintf(out, 160, "the last checkpoint is of version %lld",
                 (long long)last->checkpoint.version);
}

static status cut_off(const struct storage *storage, const struct lister *lister, struct error *err)
{
    char others[160];
    tell_others(lister, others);
    if (lister->gap >= 0)
        return error_set(err, STATUS_HELD,
                         "version %lld is missing in the log of %s, which goes on to %lld; what it "
                         "did is not known (%s); restore the file or load into a new table",
                         (long long)lister->gap, storage->url, (long long)lister->newest, others);
    return error_set(err, STATUS_HELD,
                     "the log of %s begins at version %lld, versions before it are missing and no "
                     "checkpoint stands for them (%s); restore them or load into a new table",
                     storage->url, (long long)lister->first, others);
}

static status check(const struct storage *storage, const struct lister *lister, struct error *err)
{
    const struct found *ahead = beyond(lister);
    if (ahead)
        return error_set(err, STATUS_HELD,
                         "the log of %s has a checkpoint of version %lld, but no version after "
                         "%lld: versions are missing or the checkpoint (%s) is no checkpoint; "
                         "restore the versions or remove it",
                         storage->url, (long long)ahead->checkpoint.version,
                         (long long)lister->newest, ahead->checkpoint.name);
    if (lister->newest >= 0 && lister->json_from > 0 && count_serving(lister) == 0)
        return cut_off(storage, lister, err);
    return STATUS_OK;
}

static status take(struct lister *lister, struct log_listing *out, struct error *err)
{
    size_t n = count_serving(lister);
    struct log_checkpoint *checkpoints = n ? mem_alloc(n * sizeof(*checkpoints)) : NULL;
    if (n && !checkpoints)
        return error_no_memory(err);
    *out = (struct log_listing){
        .newest = lister->newest,
        .json_from = lister->json_from,
        .checkpoints = checkpoints,
        .arena = lister->arena,
    };
    for (size_t i = 0; i < lister->n_found; i++)
        if (serves(lister, &lister->found[i]))
            checkpoints[out->n_checkpoints++] = lister->found[i].checkpoint;
    lister->arena = (struct arena){0}; /* the listing's now: it has the names */
    return STATUS_OK;
}

status listing_read(struct storage *storage, struct log_listing *out, struct error *err)
{
    status_code s = STATUS_HELD;
    for (unsigned i = 0; s == STATUS_HELD && i < LISTINGS; i++) {
        SCOPED(lister_release)
        struct lister lister = {.first = -1, .newest = -1, .gap = -1};
        TRY(storage_list(storage, DELTA_LOG, true, see_object, &lister, err));
        s = check(storage, &lister, err);
        if (s == STATUS_OK)
            return take(&lister, out, err);
    }
    return s;
}

/* ---- bases ---- */

/* Checkpoints of VERSION or before; they stand first. */
static size_t usable(const struct log_listing *listing, int64_t version)
{
    size_t n = listing->n_checkpoints;
    while (n > 0 && listing->checkpoints[n - 1].version > version)
        n--;
    return n;
}

bool listing_base(const struct log_listing *listing, int64_t version, enum base_order order,
                  size_t nth, struct log_base *out)
{
    size_t n = usable(listing, version);
    bool whole = listing->json_from == 0;
    if (nth >= n + whole)
        return false;
    size_t place = order == BASE_OLDEST ? nth : n + whole - 1 - nth; /* 0: the oldest */
    if (whole && place == 0)
        *out = (struct log_base){NULL};
    else
        *out = (struct log_base){&listing->checkpoints[place - whole]};
    return true;
}

bool base_is_bad(status_code s)
{
    return s == STATUS_BAD_DATA || s == STATUS_NOT_FOUND;
}

status listing_no_base(const struct storage *storage, const struct log_listing *listing,
                       const struct log_base *last, struct error *err)
{
    char why[ERROR_TEXT_BYTES];
    snprintf(why, sizeof(why), "%s", err ? err->text : "");
    why[strcspn(why, "\n")] = '\0';
    return error_set(err, STATUS_HELD,
                     "the log of %s begins at version %lld, and the checkpoint of version %lld, "
                     "which stands for the versions before it, can't be read (%s: %s); restore it "
                     "or load into a new table",
                     storage->url, (long long)listing->json_from, (long long)base_version(last),
                     last->checkpoint ? last->checkpoint->name : "none", why);
}
