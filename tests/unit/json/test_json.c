#include <string.h>

#include "cmocka_all.h"

#include <stdio.h>

#include "base/failing_memory.h"
#include "json/json.h"

static json_t *parsed(const char *text)
{
    json_t *json = NULL;
    struct error err = {0};
    assert_int_equal(json_parse(text, strlen(text), "x.json", &json, &err), STATUS_OK);
    return json;
}

static void a_document_is_written_as_it_was_read(void **state)
{
    const char *const text =
        "{\"z\":1,\"a\":[true,null,-9223372036854775808],\"t\":\"\\u0000\xC3\xA4\",\"r\":0.1}";
    SCOPED(json_release) json_t *json = parsed(text);
    size_t size = 0;
    SCOPED(mem_freep) char *written = json_write(json, &size);
    assert_int_equal(size, strlen(written));
    assert_true(strncmp(written, text, strlen("{\"z\":1,\"a\":[true,null")) == 0);
    SCOPED(json_release) json_t *again = parsed(written);
    assert_true(json_equal(json, again));
}

static void a_mistake_is_told_with_its_place(void **state)
{
    const char *const text = "{\n  \"a\": nothing\n}";
    json_t *json = NULL;
    struct error err = {0};
    assert_int_equal(json_parse(text, strlen(text), "plan.json", &json, &err), STATUS_BAD_DATA);
    assert_null(json);
    assert_true(strncmp(err.text, "plan.json, line 2, column ", 26) == 0);
}

static void two_members_of_one_name_are_refused(void **state)
{
    const char *const text = "{\"a\":1,\"a\":2}";
    json_t *json = NULL;
    struct error err = {0};
    assert_int_equal(json_parse(text, strlen(text), "x", &json, &err), STATUS_BAD_DATA);
}

static void nesting_without_end_is_refused(void **state)
{
    static char text[100000];
    memset(text, '[', sizeof(text));
    json_t *json = NULL;
    struct error err = {0};
    assert_int_equal(json_parse(text, sizeof(text), "x", &json, &err), STATUS_BAD_DATA);
}

static void members_are_checked_for_presence_and_type(void **state)
{
    SCOPED(json_release)
    json_t *json = parsed("{\"t\":\"x\",\"i\":-5,\"b\":true,\"a\":[1],\"o\":{},\"n\":null,"
                          "\"nul\":\"a\\u0000b\"}");
    struct error err = {0};
    const char *text = NULL;
    int64_t number = 0;
    bool flag = false;
    const json_t *inner = NULL;
    assert_int_equal(json_get_text(json, "t", "x", &text, &err), STATUS_OK);
    assert_string_equal(text, "x");
    assert_int_equal(json_get_int(json, "i", "x", &number, &err), STATUS_OK);
    assert_int_equal(number, -5);
    assert_int_equal(json_get_bool_opt(json, "b", "x", &flag, &err), STATUS_OK);
    assert_true(flag);
    assert_int_equal(json_get_array(json, "a", "x", &inner, &err), STATUS_OK);
    assert_int_equal(json_array_size(inner), 1);
    assert_int_equal(json_get_object(json, "o", "x", &inner, &err), STATUS_OK);

    assert_int_equal(json_get_text(json, "n", "r.json", &text, &err), STATUS_BAD_DATA);
    assert_string_equal(err.text, "r.json: member \"n\" is missing");
    assert_int_equal(json_get_text(json, "i", "r.json", &text, &err), STATUS_BAD_DATA);
    assert_string_equal(err.text, "r.json: member \"i\" is not a string");
    assert_int_equal(json_get_text(json, "nul", "r.json", &text, &err), STATUS_BAD_DATA);
    assert_int_equal(json_get_int(json, "t", "x", &number, &err), STATUS_BAD_DATA);
    assert_int_equal(json_get_array(json, "o", "x", &inner, &err), STATUS_BAD_DATA);
    assert_int_equal(json_get_object(json, "a", "x", &inner, &err), STATUS_BAD_DATA);
    assert_int_equal(json_get_object(json, "absent", "x", &inner, &err), STATUS_BAD_DATA);
    assert_int_equal(json_get_bool_opt(json, "i", "x", &flag, &err), STATUS_BAD_DATA);
    assert_string_equal(text, "x"); /* outputs untouched on failure */
    assert_int_equal(number, -5);
}

static void absent_and_null_members_leave_the_default(void **state)
{
    SCOPED(json_release) json_t *json = parsed("{\"n\":null}");
    struct error err = {0};
    const char *text = "default";
    int64_t number = 7;
    bool flag = true;
    assert_int_equal(json_get_text_opt(json, "n", "x", &text, &err), STATUS_OK);
    assert_int_equal(json_get_int_opt(json, "absent", "x", &number, &err), STATUS_OK);
    assert_int_equal(json_get_bool_opt(json, "n", "x", &flag, &err), STATUS_OK);
    assert_string_equal(text, "default");
    assert_int_equal(number, 7);
    assert_true(flag);
}

static void memory_running_out_is_not_bad_data(void **state)
{
    const char *const text =
        "{\"a\":[1,2,{\"b\":\"a string long enough to be copied\"}],\"c\":1.5}";
    json_release(&(json_t *){json_object()}); /* seeds the hash once, outside the loop */
    for (unsigned nth = 1;; nth++) {
        json_t *json = NULL;
        struct error err = {0};
        fail_allocation(nth);
        status_code got = json_parse(text, strlen(text), "x", &json, &err);
        char *written = got == STATUS_OK ? json_write(json, NULL) : NULL;
        bool failed = allocation_failed();
        if (!failed)
            assert_non_null(written);
        else if (got != STATUS_OK)
            assert_int_equal(got, STATUS_NO_MEMORY);
        if (written)
            assert_string_equal(written, text);
        mem_free(written);
        json_release(&json);
        if (!failed)
            break;
    }
}

static void memory_running_out_leaves_no_half_document(void **state)
{
    json_t *json = json_object();
    for (int i = 0; i < 500; i++) {
        char name[32];
        snprintf(name, sizeof(name), "member number %d", i);
        assert_int_equal(json_object_set_new(json, name, json_integer(i)), 0);
    }
    char *whole = json_write(json, NULL);
    assert_non_null(whole);
    for (unsigned nth = 1;; nth++) {
        fail_allocation(nth);
        char *written = json_write(json, NULL);
        bool failed = allocation_failed();
        if (written)
            assert_string_equal(written, whole);
        mem_free(written);
        if (!failed)
            break;
    }
    mem_free(whole);
    json_release(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_is_written_as_it_was_read),
        cmocka_unit_test(a_mistake_is_told_with_its_place),
        cmocka_unit_test(two_members_of_one_name_are_refused),
        cmocka_unit_test(nesting_without_end_is_refused),
        cmocka_unit_test(members_are_checked_for_presence_and_type),
        cmocka_unit_test(absent_and_null_members_leave_the_default),
        cmocka_unit_test(memory_running_out_is_not_bad_data),
        cmocka_unit_test(memory_running_out_leaves_no_half_document),
    };
    json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
