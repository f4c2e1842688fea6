/* A Delta table in a scratch directory, with files that only their names and sizes tell apart. */
#ifndef LEAT_TEST_COMMIT_TABLE_OF_H
#define LEAT_TEST_COMMIT_TABLE_OF_H

#include "../storage/scratch.h"

#include "base/clock.h"
#include "commit/commit.h"

/* id int64, at timestamp with zone, name text; partitioned by day date. */
static const struct field test_data_fields[] = {
    {.name = "id", .type = {.id = TYPE_INT64}, .field_id = 1},
    {.name = "at", .type = {.id = TYPE_TIMESTAMP, .utc = true}, .nullable = true, .field_id = 2},
    {.name = "name", .type = {.id = TYPE_UTF8}, .nullable = true, .field_id = 3},
};
static const struct field test_key_fields[] = {
    {.name = "day", .type = {.id = TYPE_DATE}, .nullable = true, .field_id = 4},
};
static const struct field test_table_fields[] = {
    {.name = "id", .type = {.id = TYPE_INT64}, .field_id = 1},
    {.name = "at", .type = {.id = TYPE_TIMESTAMP, .utc = true}, .nullable = true, .field_id = 2},
    {.name = "name", .type = {.id = TYPE_UTF8}, .nullable = true, .field_id = 3},
    {.name = "day", .type = {.id = TYPE_DATE}, .nullable = true, .field_id = 4},
};

/* A schema that borrows FIELDS; not to be released. */
#define SCHEMA_OF(array)                                                                           \
    ((struct schema){.fields = (struct field *)(array),                                            \
                     .n_fields = sizeof(array) / sizeof(*(array))})

struct test_run {
    struct table *table;
    const char *stream;
    struct table_state base;
    struct run_record record;
    struct error err;
    int64_t version;
    bool replace_all, accept_foreign;
    const char *const *replaced; /* partition values; NULL: none */
};

/* One run of STREAM that adds file NAME with ROWS rows: load, put, sync, publish. */
static inline status_code test_begin(struct test_run *run, struct storage *storage,
                                     const char *stream)
{
    const struct commit_driver *delta = commit_find("delta");
    *run = (struct test_run){.version = -2, .stream = stream};
    TRY(delta->open(storage, stream, NULL, &run->table, &run->err));
    return delta->load(run->table, &run->base, &run->err);
}

static inline status_code test_publish(struct test_run *run, struct storage *storage,
                                       const char *file_name, const char *run_id, uint64_t rows,
                                       int32_t day)
{
    struct schema data = SCHEMA_OF(test_data_fields);
    struct schema keys = SCHEMA_OF(test_key_fields);
    struct schema all = SCHEMA_OF(test_table_fields);
    struct scalar value = {.type = {.id = TYPE_DATE}, .i64 = day};
    struct column_stats stats[3] = {
        {.has_bounds = true,
         .min = {.type = {.id = TYPE_INT64}, .i64 = 1},
         .max = {.type = {.id = TYPE_INT64}, .i64 = (int64_t)rows}},
        {.null_count = rows},
        {.null_count = rows},
    };
    struct new_file file = {.path = file_name,
                            .size_bytes = strlen(run_id),
                            .rows = rows,
                            .modified_us = clock_wall_us(),
                            .partition_values = &value,
                            .columns = stats};
    arena_release(&run->record.arena);
    run->record = (struct run_record){
        .stream = run->stream,
        .run_id = run_id,
        .mode = "incremental",
        .leat_version = "test",
        .watermark = {.type = {.id = TYPE_INT64}, .i64 = (int64_t)rows},
        .contract = data,
        .partition_keys = keys,
    };
    struct publish_request request = {
        .base = &run->base,
        .replace_all = run->replace_all,
        .replace_partitions = run->replaced != NULL,
        .replaced_values = run->replaced,
        .accept_foreign = run->accept_foreign,
        .data_schema = &data,
        .partition_keys = &keys,
        .table_schema = &all,
        .files = &file,
        .n_files = file_name ? 1 : 0,
        .record = &run->record,
        .run_started_us = clock_wall_us(),
    };
    if (file_name) {
        TRY(storage_put(storage, file_name, PUT_IF_ABSENT, run_id, strlen(run_id), &run->err));
        TRY(storage_sync(storage, &run->err));
    }
    return commit_find("delta")->publish(run->table, &request, &run->version, &run->err);
}

static inline void test_end(struct test_run *run)
{
    arena_release(&run->record.arena);
    run->record = (struct run_record){0};
    table_state_release(&run->base);
    commit_find("delta")->close(run->table);
    run->table = NULL;
}

static inline status_code test_add(struct scratch *scratch, const char *file, const char *run_id,
                                   uint64_t rows)
{
    struct test_run run;
    status_code s = test_begin(&run, scratch->storage, "public.orders");
    if (s == STATUS_OK)
        s = test_publish(&run, scratch->storage, file, run_id, rows, 16000);
    scratch->err = run.err;
    test_end(&run);
    return s;
}

static inline void put_version_text(struct scratch *scratch, int64_t version, const char *lines)
{
    char name[64];
    snprintf(name, sizeof(name), "_delta_log/%020lld.json", (long long)version);
    CHECK_OK(put_text(scratch, name, lines));
}

#endif
