#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"

#include "base/cancel.h"
#include "base/error.h"

static void context_lines_follow_the_cause(void **state)
{
    struct error err = {0};
    assert_int_equal(error_set(&err, STATUS_BAD_DATA, "numeric has %d digits", 41),
                     STATUS_BAD_DATA);
    assert_int_equal(error_context(&err, "in column \"%s\"", "amount"), STATUS_BAD_DATA);
    assert_string_equal(err.text, "numeric has 41 digits\nin column \"amount\"");
    assert_int_equal(err.text_bytes, strlen(err.text));
}

static void a_new_error_forgets_the_old_one(void **state)
{
    struct error err = {0};
    assert_int_equal(error_os(&err, ENOSPC, "cannot write %s", "a.parquet"), STATUS_NO_SPACE);
    assert_int_equal(err.os_errno, ENOSPC);
    assert_int_equal(error_set(&err, STATUS_BUG, "x"), STATUS_BUG);
    assert_int_equal(err.os_errno, 0);
    assert_string_equal(err.text, "x");
}

static void a_system_error_ends_with_the_systems_words(void **state)
{
    struct error err = {0};
    assert_int_equal(error_os(&err, ENOENT, "cannot open %s", "job.yaml"), STATUS_NOT_FOUND);
    assert_string_equal(err.text, "cannot open job.yaml: No such file or directory");
}

static void errno_chooses_the_status(void **state)
{
    assert_int_equal(error_os(NULL, EDQUOT, "x"), STATUS_NO_SPACE);
    assert_int_equal(error_os(NULL, EACCES, "x"), STATUS_DENIED);
    assert_int_equal(error_os(NULL, EXDEV, "x"), STATUS_DENIED);
    assert_int_equal(error_os(NULL, EEXIST, "x"), STATUS_EXISTS);
    assert_int_equal(error_os(NULL, ENOMEM, "x"), STATUS_NO_MEMORY);
    assert_int_equal(error_os(NULL, EIO, "x"), STATUS_UNAVAILABLE);
    assert_int_equal(error_os(NULL, EINTR, "x"), STATUS_UNAVAILABLE);
}

static void long_text_is_cut_and_never_inside_a_character(void **state)
{
    static struct error err;
    char text[2 * ERROR_TEXT_BYTES];
    for (size_t lead = 0; lead < 2; lead++) {
        memset(text, 'x', lead);
        for (size_t i = lead; i + 2 < sizeof(text); i += 2)
            memcpy(text + i, "\xC3\xA4", 3);
        assert_int_equal(error_set(&err, STATUS_BAD_DATA, "%s", text), STATUS_BAD_DATA);
        assert_true(err.text_bytes < ERROR_TEXT_BYTES);
        assert_int_equal(err.text_bytes, strlen(err.text));
        const char *end = err.text + err.text_bytes - 3;
        assert_string_equal(end, "...");
        assert_int_equal((unsigned char)end[-1], 0xA4);
        assert_int_equal(error_context(&err, "in a full error"), STATUS_BAD_DATA);
        assert_int_equal(err.text_bytes, strlen(err.text));
    }
}

static void an_error_may_quote_itself(void **state)
{
    struct error err = {0};
    (void)error_set(&err, STATUS_BAD_DATA, "inner");
    (void)error_set(&err, STATUS_HELD, "outer: %s", err.text);
    assert_string_equal(err.text, "outer: inner");
    (void)error_context(&err, "again: %s", err.text);
    assert_string_equal(err.text, "outer: inner\nagain: outer: inner");
}

static status in_context(status_code inner, struct error *err)
{
    TRY_IN(inner, err, "in here");
    return STATUS_OK;
}

static void context_keeps_the_status_even_without_an_error(void **state)
{
    assert_int_equal(in_context(STATUS_CONFLICT, NULL), STATUS_CONFLICT);
    assert_int_equal(in_context(STATUS_OK, NULL), STATUS_OK);
    assert_int_equal(error_context(NULL, "x"), STATUS_BUG);
    struct error fresh = {0};
    assert_int_equal(error_context(&fresh, "x"), STATUS_BUG);
}

static void every_status_has_its_own_word(void **state)
{
    for (int a = STATUS_OK; a <= STATUS_BUG; a++)
        for (int b = a + 1; b <= STATUS_BUG; b++)
            assert_string_not_equal(status_text((status_code)a), status_text((status_code)b));
    assert_string_equal(status_text(STATUS_BAD_DATA), "bad data");
    assert_non_null(status_text((status_code)99));
}

static void the_first_reason_to_stop_stays(void **state)
{
    struct cancel parent = {0}, cancel = {.parent = &parent};
    struct error err = {0};
    assert_int_equal(cancel_check(NULL, &err), STATUS_OK);
    assert_int_equal(cancel_check(&cancel, &err), STATUS_OK);
    cancel_request(&parent, CANCEL_SIGINT);
    cancel_request(&parent, CANCEL_SIGTERM);
    assert_int_equal(cancel_reason(&cancel), CANCEL_SIGINT);
    assert_int_equal(cancel_check(&cancel, &err), STATUS_CANCELLED);
    assert_string_equal(err.text, "stopped by SIGINT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(context_lines_follow_the_cause),
        cmocka_unit_test(a_new_error_forgets_the_old_one),
        cmocka_unit_test(a_system_error_ends_with_the_systems_words),
        cmocka_unit_test(errno_chooses_the_status),
        cmocka_unit_test(long_text_is_cut_and_never_inside_a_character),
        cmocka_unit_test(an_error_may_quote_itself),
        cmocka_unit_test(context_keeps_the_status_even_without_an_error),
        cmocka_unit_test(every_status_has_its_own_word),
        cmocka_unit_test(the_first_reason_to_stop_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
