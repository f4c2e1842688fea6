/* The lines of the reject file. */
#include <string.h>

#include "cmocka_all.h"

#include "base/failing_memory.h"
#include "source/reject.h"

struct kept {
    char line[512];
    unsigned lines;
};

static status_code keep(void *context, const char *json, size_t size, struct error *err)
{
    struct kept *kept = context;
    (void)err;
    snprintf(kept->line, sizeof(kept->line), "%.*s", (int)size, json);
    kept->lines++;
    return STATUS_OK;
}

static status reject(struct kept *kept, const char *which, struct error *err)
{
    SCOPED(rejected_row_release) struct rejected_row row = {0};
    SCOPED(text_release) struct text why = {0};
    struct reader_options options = {.reject = kept ? keep : NULL, .reject_context = kept};
    text_append(&why, "value \"x\" does not fit int64");
    rejected_row_init(&row, "table public.t", which, "n", &why);
    rejected_row_value(&row, "id", "17", 2);
    rejected_row_value(&row, "n", "\"x\"\0y", 5);
    rejected_row_value(&row, "empty", "", 0);
    rejected_row_value(&row, "a\nb", NULL, 0);
    return rejected_row_send(&row, &options, err);
}

#define VALUES                                                                                     \
    "\"column\":\"n\",\"why\":\"value \\\"x\\\" does not fit int64\","                             \
    "\"values\":{\"id\":\"17\",\"n\":\"\\\"x\\\"\\u0000y\",\"empty\":\"\",\"a\\u000ab\":null}}"

static void a_row_is_one_line_of_json_with_its_values_as_text(void **state)
{
    struct kept kept = {0};
    struct error err = {0};
    assert_int_equal(reject(&kept, NULL, &err), STATUS_OK);
    assert_string_equal(kept.line, "{\"relation\":\"table public.t\"," VALUES);
    assert_int_equal(reject(&kept, "rowid 3", &err), STATUS_OK);
    assert_string_equal(kept.line, "{\"relation\":\"table public.t\",\"row\":\"rowid 3\"," VALUES);
    assert_int_equal(kept.lines, 2);
}

static void without_a_reject_file_a_row_is_not_lost(void **state)
{
    struct error err = {0};
    assert_int_equal(reject(NULL, NULL, &err), STATUS_BUG);
}

static void a_line_is_written_whole_or_not_at_all(void **state)
{
    for (unsigned nth = 1;; nth++) {
        struct kept kept = {0};
        struct error err = {0};
        fail_allocation(nth);
        status_code got = reject(&kept, "rowid 3", &err);
        if (!allocation_failed()) {
            assert_int_equal(got, STATUS_OK);
            assert_true(nth > 1);
            break;
        }
        assert_int_equal(got, STATUS_NO_MEMORY);
        assert_int_equal(kept.lines, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_one_line_of_json_with_its_values_as_text),
        cmocka_unit_test(without_a_reject_file_a_row_is_not_lost),
        cmocka_unit_test(a_line_is_written_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
