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
    url_is("postgres://r:12/a@db/shop", "postgres://r:***@db/shop");
    url_is("postgres://r:12?a@db/shop", "postgres://r:***@db/shop");
    url_is("postgres://r:a@b/c@db/shop", "postgres://r:***@db/shop");
    url_is("postgres://r@corp:a/b@db/shop", "postgres://r@corp:***@db/shop");
    url_is("postgres://dom/r:a@db/shop", "postgres://dom/r:***@db/shop");
    url_is("postgres:r:a@db/shop", "postgres:r:***@db/shop");
    url_is("sqlite://data/a:b@c.db", "sqlite://data/a:b@c.db");
}

static void a_password_without_an_at_takes_the_rest_with_it(void **state)
{
    url_is("postgres://r:a/shop", "postgres://r:***");
    url_is("postgres://r@db:a/shop?sslmode=require", "postgres://r@db:***");
    url_is("postgres://db:5432/shop", "postgres://db:5432/shop");
    url_is("postgres://r@[::1]:5432,db/shop", "postgres://r@[::1]:5432,db/shop");
}

static void secret_parameters_leave_a_url(void **state)
{
    url_is("postgres://db/shop?password=x&sslmode=verify-full",
           "postgres://db/shop?password=***&sslmode=verify-full");
    url_is("s3://lake?region=eu&TOKEN=abc#key=1", "s3://lake?region=eu&TOKEN=***");
    url_is("s3://lake?token=&region=eu", "s3://lake?token=&region=eu");
    url_is("postgres://db/shop?p%61ssword=x", "postgres://db/shop?p%61ssword=***");
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
    url_is("postgres:password=my secret host=db", "postgres:password=*** host=db");
    url_is("postgres:password='it's me' host=db", "postgres:password='*** host=db");
    url_is("postgres:password='a host=b'port=1", "postgres:password='***'port=1");
}

/* ---- any password ---- */

static uint32_t next_number(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    return *state ^= *state << 5;
}

/* Two words with anything before, between and behind them. */
static void make_password(uint32_t *state, char *out)
{
    static const char odd[] = "@@//??##::&&==%%''\"\\\\  []{},;.+$!~0123456789\t-*";
    for (int part = 0; part < 3; part++) {
        for (uint32_t n = next_number(state) % 5; n > 0; n--)
            *out++ = odd[next_number(state) % (sizeof(odd) - 1)];
        out = part < 2 ? stpcpy(out, part ? "vogel" : "kanarie") : out;
    }
    *out = 0;
}

static void holds_no_word(const char *url, const char *shown)
{
    if (strstr(shown, "kanarie") || strstr(shown, "vogel"))
        fail_msg("<%s> is shown as <%s>", url, shown);
}

static void no_part_of_any_password_is_shown(void **state)
{
    static const char *const forms[] = {
        "postgres://r:%s@db/shop",
        "postgres://r:%s@db:5432,other:1/shop?sslmode=require&user=me@db",
        "postgresql://r:%s@[::1]:5432/shop?host=/tmp",
        "postgres://r@corp:%s@db",
        "postgres:r:%s@db/shop",
        "postgres://r:x%s@",
        "postgres://db/shop?password=%s",
        "postgres://r:a@db:1/shop?user=r&sslpassword=%s&sslmode=require",
        "postgres:password=%s host=db",
        "postgres:host=db password = %s",
        "postgres:host=db sslpassword='%s' dbname=shop",
        "host=db password='%s",
        "user=r password=%s port=1 host=db",
    };
    uint32_t seed = 2463534242;
    for (int round = 0; round < 20000; round++) {
        struct arena arena = {0};
        char password[64], url[256];
        make_password(&seed, password);
        const char *form = forms[round % (sizeof(forms) / sizeof(forms[0]))];
        const char *place = strstr(form, "%s");
        snprintf(url, sizeof(url), "%.*s%s%s", (int)(place - form), form, password, place + 2);
        holds_no_word(url, job_redact_url(url, &arena));
        snprintf(url, sizeof(url), "postgres://%s:x%s%s", round % 2 ? "r" : "r@db", password,
                 round % 3 ? "" : "/shop?sslmode=require");
        if (!strchr(password, '@')) /* else it is one of the user's, and a host */
            holds_no_word(url, job_redact_url(url, &arena));
        arena_release(&arena);
    }
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
        cmocka_unit_test(a_password_without_an_at_takes_the_rest_with_it),
        cmocka_unit_test(no_part_of_any_password_is_shown),
        cmocka_unit_test(every_place_of_a_secret_is_struck_out),
        cmocka_unit_test(a_job_without_secrets_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
