/* Every allocation of the verbs that move rows fails once: nothing leaks, the rows before stay. */
#include "batch/arrow.h"
#include "rows.h"

static const struct memory_ops *real;
static struct memory_ops failing;
static unsigned until_failure; /* 0: never */
static bool fired;

static bool fails_now(void)
{
    if (until_failure == 0 || --until_failure > 0)
        return false;
    fired = true;
    return true;
}

static void *failing_realloc(void *block, size_t size)
{
    return fails_now() ? NULL : real->realloc(block, size);
}

static void *failing_map(void *old, size_t old_bytes, size_t new_bytes)
{
    return fails_now() ? NULL : real->map(old, old_bytes, new_bytes);
}

static int set_up(void **state)
{
    real = memory_get_ops();
    failing = *real;
    failing.realloc = failing_realloc;
    failing.map = failing_map;
    memory_set_ops(&failing);
    return 0;
}

static int tear_down(void **state)
{
    memory_set_ops(real);
    return 0;
}

enum { REGION_ROWS = 12000 };

typedef status verb(struct batch *into, const struct batch *from, struct error *err);

static status gather(struct batch *into, const struct batch *from, struct error *err)
{
    static const uint32_t rows[] = {3, 1, 4, 1, 5, 9, 2, 6};
    return batch_gather(into, from, rows, 8, err);
}

static status range(struct batch *into, const struct batch *from, struct error *err)
{
    return batch_append_range(into, from, 2, 8, err);
}

static status through_plain(struct batch *into, const struct batch *from, struct error *err)
{
    static const uint32_t rows[] = {3, 1, 4, 1, 5, 9, 2, 6};
    SCOPED(buffer_release) struct buffer bytes = {0};
    TRY(batch_write_plain_gathered(from, rows, 8, &bytes, err));
    return batch_read_plain(into, bytes.data, bytes.size, err);
}

/* The rows of COPY go out, it goes, and they come in again. */
static status out_and_in(struct batch *copy, struct batch *into, struct error *err)
{
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    status s = arrow_export_schema(copy->schema, &schema, err);
    if (s == STATUS_OK)
        s = arrow_export_batch(copy, &array, err);
    batch_release(copy);
    if (s == STATUS_OK)
        s = arrow_import_batch(&schema, &array, into, err);
    if (schema.release)
        schema.release(&schema);
    if (array.release)
        array.release(&array);
    return s;
}

static status through_arrow(struct batch *into, const struct batch *from, struct error *err)
{
    SCOPED(batch_release) struct batch copy = {0};
    TRY(batch_init(&copy, from->schema, err));
    TRY(batch_append_range(&copy, from, 0, 8, err));
    return out_and_in(&copy, into, err);
}

/* A batch whose columns lie in one region, for ROWS rows in the end; what was exported outlives it. */
static status through_a_region(struct batch *into, const struct batch *from, size_t rows,
                               struct error *err)
{
    SCOPED(batch_release) struct batch copy = {0};
    TRY(batch_init(&copy, from->schema, err));
    TRY(batch_reserve_together(&copy, REGION_ROWS, err));
    TRY(batch_append_range(&copy, from, 0, 8, err));
    assert_non_null(copy.region.memory);
    TRY(batch_reserve(&copy, rows, err));
    return out_and_in(&copy, into, err);
}

static status through_its_own_region(struct batch *into, const struct batch *from,
                                     struct error *err)
{
    return through_a_region(into, from, 1, err);
}

static status through_an_outgrown_region(struct batch *into, const struct batch *from,
                                         struct error *err)
{
    return through_a_region(into, from, (size_t)2 * REGION_ROWS, err);
}

static void fail_each_allocation_of(verb *move)
{
    struct batch from, same;
    struct error err;
    CHECK_OK(batch_init(&from, &every_type, &test_error));
    CHECK_OK(batch_init(&same, &every_type, &test_error));
    fill(&from, 10, 5, 3);
    fill(&same, 4, 6, 3);
    for (unsigned nth = 1;; nth++) {
        struct batch into;
        CHECK_OK(batch_init(&into, &every_type, &test_error));
        fill(&into, 4, 6, 3);
        fired = false;
        until_failure = nth;
        status s = move(&into, &from, &err);
        until_failure = 0;
        if (s != STATUS_OK) {
            assert_int_equal(s, STATUS_NO_MEMORY);
            assert_int_equal(into.rows, 4);
        }
        check_batch(&into);
        for (size_t i = 0; i < 4; i++)
            check_same_row(&into, i, &same, i);
        batch_release(&into);
        if (!fired) { /* ran past the last allocation: all covered */
            assert_int_equal(s, STATUS_OK);
            assert_true(nth > 1);
            break;
        }
    }
    batch_release(&from);
    batch_release(&same);
}

static void a_failed_gather_keeps_the_rows_before(void **state)
{
    fail_each_allocation_of(gather);
}

static void a_failed_range_keeps_the_rows_before(void **state)
{
    fail_each_allocation_of(range);
}

static void a_failed_read_of_plain_rows_keeps_the_rows_before(void **state)
{
    fail_each_allocation_of(through_plain);
}

static void a_failed_import_keeps_the_rows_before(void **state)
{
    fail_each_allocation_of(through_arrow);
}

static void rows_leave_their_region_whole_or_not_at_all(void **state)
{
    fail_each_allocation_of(through_its_own_region);
    fail_each_allocation_of(through_an_outgrown_region);
}

static void a_failed_copy_of_a_schema_leaves_nothing(void **state)
{
    for (unsigned nth = 1;; nth++) {
        struct schema copy = {0};
        struct error err;
        fired = false;
        until_failure = nth;
        status s = schema_copy(&every_type, &copy, &err);
        until_failure = 0;
        assert_int_equal(s, fired ? STATUS_NO_MEMORY : STATUS_OK);
        schema_release(&copy);
        if (!fired)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_gather_keeps_the_rows_before),
        cmocka_unit_test(a_failed_range_keeps_the_rows_before),
        cmocka_unit_test(a_failed_read_of_plain_rows_keeps_the_rows_before),
        cmocka_unit_test(a_failed_import_keeps_the_rows_before),
        cmocka_unit_test(rows_leave_their_region_whole_or_not_at_all),
        cmocka_unit_test(a_failed_copy_of_a_schema_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
