/* leat: find the command, run it, tell what came of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#ifdef LEAT_FAULTS
#include "fault/fault.h"
#endif

/* The error on stderr, and with --json also as a document on stdout. */
static int report(struct invocation *invocation, const struct error *err, status_code code)
{
    char *clean = job_redact(&invocation->job, err->text, &invocation->arena);
    const char *text = clean ? clean : "out of memory";
    fprintf(stderr, "leat: %s\n", text);
    if (invocation->json) {
        struct error ignored = {0};
        json_t *document =
            json_pack("{s:{s:s,s:s}}", "error", "status", status_text(code), "message", text);
        if (print_json(invocation, document, &ignored) != STATUS_OK)
            fputs("{}\n", stdout);
    }
    return exit_code_of(code);
}

/* Results that never reached the reader are no results; but a reader that has seen enough (`leat plan job | head`) is
 * none of our failures. */
static int flush_results(int exit_code)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return exit_code;
    if (errno == EPIPE)
        return exit_code;
    fputs("leat: cannot write the result to standard output\n", stderr);
    return exit_code == EXIT_PUBLISHED ? EXIT_FAILED : exit_code;
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct error err = {0};
    struct invocation invocation = {.command = command, .out = stdout, .log = stderr};
    status code = invocation_parse(&invocation, argc, argv, &err);
    int exit_code = EXIT_PUBLISHED;
    if (code == STATUS_OK && invocation.help) {
        usage_command(command, stdout);
    } else {
        if (code == STATUS_OK)
            code = command->run(&invocation, &err);
        exit_code = code == STATUS_OK ? invocation.exit_code : report(&invocation, &err, code);
        if (code == STATUS_CANCELLED && invocation.exit_code)
            exit_code = invocation.exit_code; /* which signal it was */
    }
    invocation_release(&invocation);
    return flush_results(exit_code);
}

static int unknown_command(const char *word)
{
    const char *nearest = command_nearest(word);
    if (nearest)
        fprintf(stderr, "leat: there is no command \"%s\"; did you mean %s?\n", word, nearest);
    else
        fprintf(stderr, "leat: there is no command \"%s\"; leat --help shows them\n", word);
    return EXIT_USAGE;
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
    return text_equal(word, a) || text_equal(word, b) || text_equal(word, c);
}

int main(int argc, char **argv)
{
#ifdef LEAT_FAULTS
    struct error fault_err = {0};
    if (fault_install(getenv("LEAT_FAULT"), &fault_err) != STATUS_OK) {
        fprintf(stderr, "leat: %s\n", fault_err.text);
        return EXIT_USAGE;
    }
#endif
    memory_keep_freed();
    struct error cpu_err = {0};
    if (cpu_choose(getenv("LEAT_CPU"), &cpu_err) != STATUS_OK) {
        fprintf(stderr, "leat: in the environment variable LEAT_CPU: %s\n", cpu_err.text);
        return EXIT_USAGE;
    }
    json_init();
    if (argc < 2) {
        fputs("leat: which command? leat --help shows them\n", stderr);
        return EXIT_USAGE;
    }
    const char *word = argv[1];
    if (is_one_of(word, "help", "--help", "-h")) {
        const struct command *command = argc > 2 ? command_find(argv[2]) : NULL;
        if (argc > 2 && !command)
            return unknown_command(argv[2]);
        if (command)
            usage_command(command, stdout);
        else
            usage_overview(stdout);
        return flush_results(EXIT_PUBLISHED);
    }
    if (is_one_of(word, "--version", "-V", NULL))
        word = "version";
    const struct command *command = command_find(word);
    return command ? run_command(command, argc - 2, argv + 2) : unknown_command(word);
}
