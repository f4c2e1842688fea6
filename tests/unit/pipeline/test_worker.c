/* What threads keep from split to split, in a pass whose shares of the memory change. */
#include "cmocka_all.h"

#include "pipeline/split_work.h"

enum { SPLITS = 100 }; /* none has begun */

static size_t idle_workers(const struct split_pass *pass)
{
    size_t n = 0;
    for (const struct worker *worker = pass->idle; worker; worker = worker->next)
        n++;
    return n;
}

static void work_in_shares_of(struct split_pass *pass, uint64_t share_bytes, struct worker **crew,
                              size_t n)
{
    struct error err = {0};
    const struct split_room room = {.share_bytes = share_bytes,
                                    .chunk_bytes = share_bytes / 3,
                                    .data_bytes = share_bytes / 2,
                                    .value_bytes = share_bytes / 12};
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(worker_take(pass, share_bytes, &crew[i], &err), STATUS_OK);
        assert_int_equal(worker_begin(crew[i], &room, &err), STATUS_OK);
    }
}

static void give_back(struct split_pass *pass, struct worker **crew, size_t n)
{
    for (size_t i = 0; i < n; i++)
        worker_give_back(pass, crew[i]);
}

/* Fewer readers, each with more memory: what the others have grown would be on top. */
static void workers_of_other_shares_do_not_stay(void **state)
{
    const struct field id = {.name = "id", .type.id = TYPE_INT64};
    struct error err = {0};
    struct stream_spec spec = {.format = format_drivers[0]};
    struct stream_run stream = {.spec = &spec, .plan.n_splits = SPLITS};
    struct split_pass pass = {.stream = &stream, .mutex = PTHREAD_MUTEX_INITIALIZER};
    struct worker *crew[4];
    assert_int_equal(schema_append(&stream.plan.schema, &id, &err), STATUS_OK);
    assert_int_equal(schema_append(&stream.data_schema, &id, &err), STATUS_OK);

    work_in_shares_of(&pass, 12 << 20, crew, 4);
    give_back(&pass, crew, 4);
    assert_int_equal(idle_workers(&pass), 4);
    work_in_shares_of(&pass, 12 << 20, crew, 1);
    assert_int_equal(idle_workers(&pass), 3);
    give_back(&pass, crew, 1);
    work_in_shares_of(&pass, 48 << 20, crew, 1);
    assert_int_equal(idle_workers(&pass), 0);
    give_back(&pass, crew, 1);

    workers_free(&pass);
    schema_release(&stream.plan.schema);
    schema_release(&stream.data_schema);
}

/* For each split that has not begun one worker waits; whoever comes then frees what it had. */
static void workers_that_nobody_will_come_for_do_not_stay(void **state)
{
    const struct field id = {.name = "id", .type.id = TYPE_INT64};
    struct error err = {0};
    struct stream_spec spec = {.format = format_drivers[0]};
    struct stream_run stream = {.spec = &spec, .plan.n_splits = SPLITS};
    struct split_pass pass = {.stream = &stream, .mutex = PTHREAD_MUTEX_INITIALIZER};
    struct worker *crew[3];
    assert_int_equal(schema_append(&stream.plan.schema, &id, &err), STATUS_OK);
    assert_int_equal(schema_append(&stream.data_schema, &id, &err), STATUS_OK);

    pass.n_begun = SPLITS - 1;
    work_in_shares_of(&pass, 12 << 20, crew, 3);
    give_back(&pass, crew, 1);
    assert_int_equal(idle_workers(&pass), 1);
    give_back(&pass, crew + 1, 1);
    assert_int_equal(idle_workers(&pass), 1);
    pass.n_begun = SPLITS;
    give_back(&pass, crew + 2, 1);
    assert_int_equal(idle_workers(&pass), 1);

    workers_free(&pass);
    schema_release(&stream.plan.schema);
    schema_release(&stream.data_schema);
}

/* One chunk: N texts of SIZE bytes in column AT. */
static void fill_chunk(struct worker *worker, size_t at, size_t n, size_t size)
{
    static const char text[1000];
    struct error err = {0};
    struct column *column = &worker->chunk.columns[at];
    assert_int_equal(batch_reserve(&worker->chunk, n, &err), STATUS_OK);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(column_append_bytes(column, text, size, &err), STATUS_OK);
}

/* Chunk after chunk of the same kind asks for no new pages; one of another kind still has room for all its texts. */
static void chunks_alike_keep_their_memory(void **state)
{
    enum { MB = 1 << 20 };
    const struct field fields[] = {{.name = "a", .type.id = TYPE_UTF8},
                                   {.name = "b", .type.id = TYPE_UTF8}};
    const struct split_room room = {.share_bytes = 24 * MB,
                                    .chunk_bytes = 8 * MB,
                                    .data_bytes = 14 * MB,
                                    .value_bytes = 2 * MB};
    struct error err = {0};
    struct stream_spec spec = {.format = format_drivers[0]};
    struct stream_run stream = {.spec = &spec, .plan.n_splits = SPLITS};
    struct split_pass pass = {.stream = &stream, .mutex = PTHREAD_MUTEX_INITIALIZER};
    struct worker *worker;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(schema_append(&stream.plan.schema, &fields[i], &err), STATUS_OK);
        assert_int_equal(schema_append(&stream.data_schema, &fields[i], &err), STATUS_OK);
    }
    assert_int_equal(worker_take(&pass, room.share_bytes, &worker, &err), STATUS_OK);
    assert_int_equal(worker_begin(worker, &room, &err), STATUS_OK);

    fill_chunk(worker, 0, 3500, 1000); /* its buffer has grown to more than half a chunk */
    assert_true(worker->chunk.columns[0].data.capacity > 4 * MB);
    assert_int_equal(worker_empty(worker, &room, &err), STATUS_OK);
    const uint8_t *pages = worker->chunk.columns[0].data.data;
    size_t capacity = worker->chunk.columns[0].data.capacity;
    assert_in_range(capacity, 3500000, 4 * MB);
    fill_chunk(worker, 0, 3600, 1000);
    assert_ptr_equal(worker->chunk.columns[0].data.data, pages);
    assert_int_equal(worker->chunk.columns[0].data.capacity, capacity);

    assert_int_equal(worker_empty(worker, &room, &err), STATUS_OK);
    fill_chunk(worker, 1, 8000, 1000);
    assert_int_equal(worker_empty(worker, &room, &err), STATUS_OK);
    fill_chunk(worker, 0, 8000, 1000); /* what the last one took is not in the way */

    worker_give_back(&pass, worker);
    workers_free(&pass);
    schema_release(&stream.plan.schema);
    schema_release(&stream.data_schema);
}

/* More rows came than the plan said: the memory of the region is not held beside that of the columns, and none is asked for again. */
static void an_outgrown_region_does_not_stay(void **state)
{
    enum { COLUMNS = 8, ROWS = 40000 };
    const struct field field = {.name = "n", .type.id = TYPE_INT64};
    const struct split_room room = {.share_bytes = 24 << 20, .chunk_bytes = 8 << 20};
    struct error err = {0};
    struct stream_spec spec = {.format = format_drivers[0]};
    struct stream_run stream = {.spec = &spec, .plan.n_splits = SPLITS};
    struct split_pass pass = {.stream = &stream, .mutex = PTHREAD_MUTEX_INITIALIZER};
    struct worker *worker;
    for (size_t i = 0; i < COLUMNS; i++) {
        assert_int_equal(schema_append(&stream.plan.schema, &field, &err), STATUS_OK);
        assert_int_equal(schema_append(&stream.data_schema, &field, &err), STATUS_OK);
    }
    assert_int_equal(worker_take(&pass, room.share_bytes, &worker, &err), STATUS_OK);
    assert_int_equal(worker_begin(worker, &room, &err), STATUS_OK);
    assert_int_equal(batch_reserve_together(&worker->chunk, ROWS, &err), STATUS_OK);
    assert_non_null(worker->chunk.region.memory);
    assert_int_equal(worker_empty(worker, &room, &err), STATUS_OK);
    assert_non_null(worker->chunk.region.memory);
    assert_false(worker->outgrew_region);

    assert_int_equal(batch_reserve(&worker->chunk, (size_t)2 * ROWS, &err), STATUS_OK);
    assert_int_equal(worker_empty(worker, &room, &err), STATUS_OK);
    assert_null(worker->chunk.region.memory);
    assert_true(worker->outgrew_region);

    worker_give_back(&pass, worker);
    workers_free(&pass);
    schema_release(&stream.plan.schema);
    schema_release(&stream.data_schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_of_other_shares_do_not_stay),
        cmocka_unit_test(workers_that_nobody_will_come_for_do_not_stay),
        cmocka_unit_test(chunks_alike_keep_their_memory),
        cmocka_unit_test(an_outgrown_region_does_not_stay)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
