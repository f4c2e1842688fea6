/* Every file of tests/job_errors is a job file with one mistake; NNN-name.expected holds the message. A first line
 * "# --set a.b=c" is what the command line adds. LEAT_GOLDEN=write writes the messages anew: look at the diff. */
#include <dirent.h>

#include "cmocka_all.h"

#include "corpus.h"
#include "fake_drivers.h"

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    char *text = calloc(1, 1 << 16);
    assert_non_null(text);
    size_t size = fread(text, 1, (1 << 16) - 1, file);
    fclose(file);
    while (size && text[size - 1] == '\n')
        text[--size] = 0;
    return text;
}

/* "# --set path=value" in the first lines. */
static size_t read_overrides(char *text, struct job_override *out, size_t limit)
{
    size_t n = 0;
    char *line = text;
    while (n < limit && strncmp(line, "# --set ", 8) == 0) {
        char *end = strchr(line, '\n');
        char *equals = strchr(line, '=');
        *end = 0;
        *equals = 0;
        out[n++] = (struct job_override){line + 8, equals + 1};
        line = end + 1;
    }
    return n;
}

static void message_of(const char *name, char *out, size_t size)
{
    char *text = read_text(name);
    struct job_override overrides[4];
    size_t n = read_overrides(text, overrides, 4);
    struct job job = {0};
    struct error err = {0};
    status code = job_load(name, overrides, n, &job, &err);
    if (code == STATUS_OK) {
        struct arena arena = {0};
        struct stream_spec *streams;
        size_t n_streams;
        code = job_streams(&job, &fake_catalog, NULL, 0, &streams, &n_streams, &arena, &err);
        arena_release(&arena);
        job_release(&job);
    }
    free(text);
    if (code != STATUS_BAD_CONFIG)
        fail_msg("%s: expected bad config, got %s: %s", name, status_text(code), err.text);
    /* the folder of this checkout is nobody's business */
    size_t used = 0;
    for (const char *at = err.text; *at && used + 4 < size;) {
        if (strncmp(at, corpus_directory, strlen(corpus_directory)) == 0) {
            memcpy(out + used, "DIR", 3);
            used += 3;
            at += strlen(corpus_directory);
        } else {
            out[used++] = *at++;
        }
    }
    out[used] = '\0';
}

static void check_case(const char *name)
{
    char message[4096], golden[300];
    message_of(name, message, sizeof(message));
    snprintf(golden, sizeof(golden), "%.*s.expected", (int)(strlen(name) - 5), name);
    const char *mode = getenv("LEAT_GOLDEN");
    if (mode && strcmp(mode, "write") == 0) {
        FILE *file = fopen(golden, "w");
        assert_non_null(file);
        fprintf(file, "%s\n", message);
        fclose(file);
        return;
    }
    char *expected = read_text(golden);
    if (!expected)
        fail_msg("%s is missing; run with LEAT_GOLDEN=write", golden);
    if (strcmp(message, expected) != 0)
        fail_msg("%s\n  expected: %s\n  got:      %s", name, expected, message);
    free(expected);
}

static int is_case(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return size > 5 && strcmp(entry->d_name + size - 5, ".yaml") == 0;
}

static void every_mistake_gives_its_one_clear_message(void **state)
{
    struct dirent **entries;
    int n = scandir(".", &entries, is_case, alphasort);
    assert_true(n >= 45);
    for (int i = 0; i < n; i++) {
        check_case(entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

int main(void)
{
    if (enter_corpus(__FILE__) != 0)
        return 99;
    setenv("SHOP_PASSWORD", "hunter2", 1);
    setenv("SHOP_URL", "elsewhere://reader:hunter2@db/shop", 1);
    unsetenv("NOT_SET");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mistake_gives_its_one_clear_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
