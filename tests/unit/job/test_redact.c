/* No output holds a secret (invariant 12). */
#include "cmocka_all.h"

#include "fake_drivers.h"

static void url_is(const char *url, const char *shown)
{
    struct arena arena = {0};
    assert_string_equal(job_redact_url(url, &arena), shown);
    arena_release(&arena);
}

static void passwords_leave_a_url(void **state)
{
    url_is("postgres://reader:hunter2@db:5432/shop", "postgres://reader:***@db:5432/shop");
    url_is("postgres://reader@db/shop", "postgres://reader@db/shop");
    url_is("postgres://r:a@b:c@db/shop", "postgres://r:***@db/shop");
    url_is("sqlite:///data/a:b@c.db", "sqlite:///data/a:b@c.db");
    url_is("./shop.db", "./shop.db");
}

static void passwords_with_characters_of_a_url_leave_it_whole(void **state)
{
    url_is("postgres://r:a/b@db/shop", "postgres://r:***@db/shop");
    url_is("postgres://r:a?b#c@db/shop", "postgres://r:***@db/shop");
    url_is("postgres://r:a?b@db/shop?password=x", "postgres://r:***@db/shop?password=***");
    url_is("postgres://db:5432/shop?user=me@db&password=x",
           "postgres://db:5432/shop?user=me@db&password=***");
    url_is("postgres://a:1,b:2/shop?user=me@db", "postgres://a:1,b:2/shop?user=me@db");
    url_is("postgres://[::1]:5432/shop?user=me@db", "postgres://[::1]:5432/shop?user=me@db");
}

static void secret_parameters_leave_a_url(void **state)
{
    url_is("postgres://db/shop?password=x&sslmode=verify-full",
           "postgres://db/shop?password=***&sslmode=verify-full");
    url_is("s3://lake?region=eu&TOKEN=abc#key=1", "s3://lake?region=eu&TOKEN=***#key=1");
    url_is("s3://lake?token=&key", "s3://lake?token=&key");
}

static void passwords_leave_a_key_value_string(void **state)
{
    url_is("postgres:host=db password=hunter2 dbname=x", "postgres:host=db password=*** dbname=x");
    url_is("postgres:password = 'hun\\'ter 2' host=db", "postgres:password = '***' host=db");
    url_is("host=db password=a?b:c@d/e", "host=db password=***");
    url_is("postgres:host=db password=", "postgres:host=db password=");
    url_is("postgres:host=/tmp/a user=password", "postgres:host=/tmp/a user=password");
    url_is("postgres:password='hunter2", "postgres:password='***");
    url_is("postgres:?password=x", "postgres:?password=***");
    url_is("./key=1.db", "./key=1.db");
}

static void every_place_of_a_secret_is_struck_out(void **state)
{
    static const char *const secrets[] = {"hunter", "hunter2", NULL};
    struct job job = {.secrets = secrets};
    struct arena arena = {0};
    assert_string_equal(job_redact(&job, "login hunter2 failed for hunter, hunter22", &arena),
                        "login *** failed for ***, ***2");
    arena_release(&arena);
}

static void a_job_without_secrets_changes_nothing(void **state)
{
    struct job job = {0};
    struct arena arena = {0};
    assert_string_equal(job_redact(&job, "as it was", &arena), "as it was");
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passwords_leave_a_url),
        cmocka_unit_test(passwords_with_characters_of_a_url_leave_it_whole),
        cmocka_unit_test(secret_parameters_leave_a_url),
        cmocka_unit_test(passwords_leave_a_key_value_string),
        cmocka_unit_test(every_place_of_a_secret_is_struck_out),
        cmocka_unit_test(a_job_without_secrets_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
