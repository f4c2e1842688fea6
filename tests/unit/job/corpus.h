/* Where tests/job_errors is, and how a test goes there. */
#ifndef TESTS_UNIT_JOB_CORPUS_H
#define TESTS_UNIT_JOB_CORPUS_H

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char corpus_directory[PATH_MAX + 16];

/* __FILE__ may be relative to the folder of the build, in which the tests start. */
static int enter_corpus(const char *file)
{
    char path[PATH_MAX];
    if (!realpath(file, path))
        return -1;
    char *tests = strstr(path, "/unit/job/");
    if (!tests)
        return -1;
    *tests = 0;
    snprintf(corpus_directory, sizeof(corpus_directory), "%s/job_errors", path);
    return chdir(corpus_directory);
}

#endif
